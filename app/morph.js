// What the server sends is put into the page piece by piece: nothing that did not change is touched, so focus, scrolling
// and what is half typed stay. What has a data-id is kept by it. All of it was escaped by the server.
const keyOf = (node) => node.dataset?.id;

function morph(old, next) {
  if (old.isEqualNode(next)) return;
  if (old.nodeType === Node.TEXT_NODE) {
    old.data = next.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!next.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of next.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  morphChildren(old, next);
}

function morphChildren(parent, next) {
  const kept = new Set([...next.children].map(keyOf));
  for (const child of [...parent.children]) if (keyOf(child) && !kept.has(keyOf(child))) child.remove();
  const rows = new Map([...parent.children].map((child) => [keyOf(child), child]));
  let at = parent.firstChild;
  for (const wanted of [...next.childNodes]) {
    const key = keyOf(wanted);
    let match = key ? rows.get(key) : at;
    if (match && (match.nodeName !== wanted.nodeName || keyOf(match) !== key)) match = null;
    if (match && match === at) at = at.nextSibling;
    else match = parent.insertBefore(match ?? wanted.cloneNode(true), at);
    morph(match, wanted);
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

