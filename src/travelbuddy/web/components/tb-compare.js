// A stub until the element itself is here.
class TbCompare extends HTMLElement {}
customElements.define("tb-compare", TbCompare);
