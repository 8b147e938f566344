// A stub until the element itself is here.
class TbSignin extends HTMLElement {}
customElements.define("tb-signin", TbSignin);
