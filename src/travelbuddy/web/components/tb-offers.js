// A stub until the element itself is here.
class TbOffers extends HTMLElement {}
customElements.define("tb-offers", TbOffers);
