// Rows that a person adds to and takes from. The value is JSON: a list of objects, one a row, all of them strings.
const list = element.querySelector('.fn-rows');
const blank = element.querySelector('template');
let shown = '[]';

const fields = (row) => [...row.querySelectorAll('[data-field]')];
const read = (row) => Object.fromEntries(fields(row).map((field) => [field.dataset.field, field.value]));

function number() {
  [...list.children].forEach((row, place) => {
    const name = `${blank.dataset.name} ${place + 1}`;
    row.querySelector('legend').textContent = name;
    row.querySelector('[data-act=remove]').setAttribute('aria-label', `Remove ${name}`);
  });
}

function send() {
  shown = JSON.stringify([...list.children].map(read));
  props.value = shown;
  trigger('change');
}

function add(values = {}) {
  const row = blank.content.firstElementChild.cloneNode(true);
  for (const field of fields(row)) field.value = values[field.dataset.field] ?? field.dataset.start ?? field.value;
  list.append(row);
  return row;
}

function render() {
  const wanted = props.value || '[]';
  if (wanted === shown) return;
  shown = wanted;
  list.replaceChildren();
  for (const values of JSON.parse(wanted)) add(values);
  number();
}

element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-act]');
  if (!button) return;
  const row = button.closest('fieldset');
  if (button.dataset.act === 'add') fields(add())[0].focus();
  else {
    // The focus goes to what takes the row's place, never to nothing.
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    (next?.querySelector('[data-act=remove]') ?? element.querySelector('[data-act=add]')).focus();
  }
  number();
  send();
});
element.addEventListener('input', send);

watch('value', render);
render();
