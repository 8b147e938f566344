// A stub until the element itself is here.
class TbChat extends HTMLElement {}
customElements.define("tb-chat", TbChat);
