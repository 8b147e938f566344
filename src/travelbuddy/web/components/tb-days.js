// A stub until the element itself is here.
class TbDays extends HTMLElement {}
customElements.define("tb-days", TbDays);
