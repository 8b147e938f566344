// A stub until the element itself is here.
class TbPreferences extends HTMLElement {}
customElements.define("tb-preferences", TbPreferences);
