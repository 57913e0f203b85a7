// The list of documents. What the server sends is put into the page row by row, each kept by its id: nothing that did
// not change is touched, so focus, scrolling and a password half typed stay. All of it was escaped by the server.
const list = element.querySelector('.fn-list');
const said = element.querySelector('.fn-said');
const mover = element.querySelector('dialog');
const WAITING = ['queued', 'extracting', 'embedding'];

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

const rowsNow = () => new Map([...list.querySelectorAll('li[data-id]')].map((row) => [row.dataset.id, { ...row.dataset }]));

function announce(before) {
  const ends = [...list.querySelectorAll('li[data-id]')].filter(
    (row) => WAITING.includes(before.get(row.dataset.id)?.state) && !WAITING.includes(row.dataset.state));
  if (!ends.length) return;
  const told = ends.slice(0, 3).map((row) => {
    const { name, state } = row.dataset;
    return state === 'ready' ? `${name} is ready.` : `${name}: ${state}. ${row.querySelector('.fn-detail').textContent}`;
  });
  if (ends.length > 3) told.push(`${ends.length - 3} more have ended.`);
  said.textContent = told.join(' ');
}

function render() {
  const template = document.createElement('template');
  template.innerHTML = props.value ?? '';
  const before = rowsNow();
  const focused = list.contains(document.activeElement) ? document.activeElement.closest('[data-id]') : null;
  const following = focused?.nextElementSibling;
  morphChildren(list, template.content);
  announce(before);
  // What had the focus may be gone with its row, or changed places, or its button is of no use any more.
  if (focused && !list.contains(document.activeElement)) {
    const row = [focused, following].find((each) => each && list.contains(each));
    (row?.querySelector('button') ?? list).focus({ preventScroll: true });
  }
}

function askWhere(row) {
  mover.dataset.id = row.dataset.id;
  mover.querySelector('bdi').textContent = row.dataset.name;
  mover.querySelector('input').value = '';
  mover.showModal();
}

element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-act]');
  if (!button) return;
  const { act } = button.dataset;
  const row = button.closest('[data-id]');
  if (act === 'close') mover.close();
  else if (act === 'move') askWhere(row);
  else if (act === 'more') trigger('more');
  else if (act === 'preview') trigger('preview', { id: row.dataset.id, part: 1, turn: Date.now() });
  else trigger('act', { act, id: row?.dataset.id });
});

element.addEventListener('submit', (event) => {
  event.preventDefault();
  const input = event.target.querySelector('input');
  if (event.target.closest('dialog')) {
    trigger('act', { act: 'move', id: mover.dataset.id, to: input.value });
    mover.close();
  } else {
    trigger('act', { act: 'retry', id: event.target.closest('[data-id]').dataset.id, password: input.value });
    input.value = '';
  }
});

watch('value', render);
render();
