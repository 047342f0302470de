// Loaded before ReDoc, whose footer asks for a picture from its maker's host: a page of ours asks no other host.

const source = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
const isOwn = (address) => new URL(address, location.href).origin === location.origin;

// React writes the address twice: as an attribute when it makes the element, as a property when it places it.
HTMLImageElement.prototype.setAttribute = function (name, value) {
  if (name !== "src" || isOwn(value)) {
    Element.prototype.setAttribute.call(this, name, value);
  }
};
Object.defineProperty(HTMLImageElement.prototype, "src", {
  ...source,
  set(value) {
    if (isOwn(value)) {
      source.set.call(this, value);
    } else {
      // ReDoc takes a picture that fails to load out of the page.
      queueMicrotask(() => this.dispatchEvent(new Event("error")));
    }
  },
});
