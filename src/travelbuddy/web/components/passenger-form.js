/* Who travels, as an airline wants to know it: a group of fields for each traveller. Kept by nobody here. */

import { h } from "../dom.js";
import { t } from "../strings.js";

const FIELDS = {
  title: { options: ["mr", "ms", "mrs", "miss", "dr"], autocomplete: "honorific-prefix" },
  given_name: { autocomplete: "given-name" },
  family_name: { autocomplete: "family-name" },
  born_on: { type: "date", autocomplete: "bday" },
  gender: { options: ["f", "m"], autocomplete: "sex" },
  email: { type: "email", autocomplete: "email" },
  phone_number: { type: "tel", autocomplete: "tel", placeholder: "+442080160509" },
};
let made = 0;

/** `{ element, read(), refuse(errors), focus() }`: `read` is null while a field is empty, and says so at that field. */
export function passengerForm(count) {
  const people = Array.from({ length: count }, (_, i) => person(i, count));
  const every = people.flatMap(({ fields }) => Object.values(fields));
  return {
    element: h("div", { class: "passengers" }, people.map(({ element }) => element)),
    read() {
      for (const field of every) field.say(field.input.value.trim() ? "" : t.approval.missing);
      if (every.some((field) => !field.input.value.trim())) return null;
      return people.map(({ fields }) => Object.fromEntries(Object.entries(fields).map(([name, { input }]) => [name, input.value.trim()])));
    },
    /** Say each error at its field; true when one was. */
    refuse(errors) {
      let shown = false;
      for (const { field = "", message } of errors) {
        const [group, index, name] = field.split(".");
        const place = group === "passengers" && people[Number(index)]?.fields[name];
        if (!place) continue;
        place.say(message);
        shown = true;
      }
      return shown;
    },
    focus: () => (every.find((field) => field.input.getAttribute("aria-invalid") === "true") ?? every[0]).input.focus(),
  };
}

function person(index, count) {
  const fields = Object.fromEntries(Object.entries(FIELDS).map(([name, field]) => [name, fieldOf(name, field)]));
  const legend = h("legend", null, count > 1 ? t.approval.traveller(index + 1) : t.approval.who);
  return { fields, element: h("fieldset", { class: "passenger" }, legend, Object.values(fields).map(({ row }) => row)) };
}

function fieldOf(name, { options, type = "text", autocomplete, placeholder = "" }) {
  const id = `tb-passenger-${++made}`;
  const common = { class: "field", id, autocomplete, required: true };
  const option = (value) => h("option", { value }, value && t.approval.options[value]);
  const input = options ? h("select", common, ["", ...options].map(option)) : h("input", { ...common, type, placeholder, maxLength: 254 });
  const trouble = h("span", { class: "field-trouble", id: `${id}-trouble` });
  input.setAttribute("aria-describedby", trouble.id);
  const say = (text) => {
    trouble.textContent = text;
    input.setAttribute("aria-invalid", String(text !== ""));
  };
  return { input, say, row: h("div", { class: "pref" }, h("label", { htmlFor: id }, t.approval.fields[name]), input, trouble) };
}
