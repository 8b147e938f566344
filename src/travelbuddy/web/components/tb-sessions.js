// A stub until the element itself is here.
class TbSessions extends HTMLElement {}
customElements.define("tb-sessions", TbSessions);
