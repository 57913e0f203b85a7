// The list of documents, row by row (`morph.js` stands before this): a row whose document stays is kept as it is.
const list = element.querySelector('.fn-list');
const said = element.querySelector('.fn-said');
const mover = element.querySelector('dialog');
const WAITING = ['queued', 'extracting', 'embedding'];

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
