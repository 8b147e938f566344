// Building the page: elements from plain calls, text only ever as text.

const SVG = "http://www.w3.org/2000/svg";
const FORBIDDEN = new Set(["innerHTML", "outerHTML", "srcdoc", "style"]);

/**
 * An element: h("button", { class: "btn", onclick: send, "aria-label": t.send }, icon("send"), "Send").
 * Functions become listeners, known properties are set, true and false set or leave out an attribute; null is nothing.
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) set(element, name, value);
  element.append(...nodes(children));
  return element;
}

/** Put other children into an element. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

/** A picture of the sprite. Without a label it is decoration; with one it is an image that is read out. */
export function icon(name, label) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  } else {
    svg.setAttribute("aria-hidden", "true");
  }
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Tell what happened: a bubbling event with its data. */
export function emit(element, name, detail) {
  element.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
}

/** Call `draw` once before the next frame, however often it is asked for until then. */
export function oncePerFrame(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}

// The sprite becomes a part of the page: a picture that is needed first when the service is away is there then too.
// XMLHttpRequest reads it as a document, which no other way does without parsing text as markup.
const sprite = new XMLHttpRequest();
sprite.responseType = "document";
sprite.onload = () => {
  const svg = document.importNode(sprite.response.documentElement, true);
  for (const symbol of svg.children) symbol.id = `icon-${symbol.id}`;
  svg.setAttribute("class", "sprite");
  svg.setAttribute("aria-hidden", "true");
  document.body.append(svg);
};
sprite.open("GET", "/web/icons.svg");
sprite.send();

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

function set(element, name, value) {
  if (FORBIDDEN.has(name)) throw new TypeError(`${name} is not for this page: build nodes and classes instead`);
  if (value === null || value === undefined) return;
  if (name === "class") element.className = value;
  else if (name === "dataset") Object.assign(element.dataset, value);
  else if (typeof value === "function" && name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (typeof value === "boolean" && !(name in element)) element.toggleAttribute(name, value);
  else if (name in element && !name.includes("-") && !READ_ONLY.has(name)) element[name] = value;
  else element.setAttribute(name, value);
}

// Properties that only reflect: the attribute of that name is what can be set.
const READ_ONLY = new Set(["list", "form", "role"]);
