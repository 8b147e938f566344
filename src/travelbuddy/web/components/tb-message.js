// A stub until the element itself is here.
class TbMessage extends HTMLElement {}
customElements.define("tb-message", TbMessage);
