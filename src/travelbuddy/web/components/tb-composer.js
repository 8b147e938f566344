// A stub until the element itself is here.
class TbComposer extends HTMLElement {}
customElements.define("tb-composer", TbComposer);
