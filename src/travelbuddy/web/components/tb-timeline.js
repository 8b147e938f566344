// A stub until the element itself is here.
class TbTimeline extends HTMLElement {}
customElements.define("tb-timeline", TbTimeline);
