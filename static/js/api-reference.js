// Loaded before ReDoc, whose footer asks for a picture from its maker's host: a page of ours asks no other host.

HTMLImageElement.prototype.setAttribute = function (name, value) {
  const isForeign = name === "src" && new URL(value, location.href).origin !== location.origin;
  if (!isForeign) {
    Element.prototype.setAttribute.call(this, name, value);
  }
};
