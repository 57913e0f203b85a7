// The text that is being rated. What the server sends is escaped; here are the keys, the time that a text takes, what
// is ticked before it is saved (kept in this tab, over a reload too), and the sending.
const stage = element.querySelector('.fn-stage');
const said = element.querySelector('.fn-said');
let seen = 0; // milliseconds for which this text was visible
let since = 0;

const form = () => stage.querySelector('form.fn-rate');
const aspects = () => [...stage.querySelectorAll('.fn-aspect')];
const ticked = (aspect) => aspect.querySelector('input:checked');
const draftOf = ({ id, rater, item }) => `footnote-rate/${id}/${rater}/${item}`;
const scores = () => Object.fromEntries(
  aspects().filter(ticked).map((aspect) => [aspect.dataset.aspect, Number(ticked(aspect).value)]));

function look() {
  const now = performance.now();
  if (since) seen += now - since;
  since = document.hidden ? 0 : now;
}

function restoreDraft(shown) {
  if (shown.dataset.again === 'true') return;
  const draft = JSON.parse(sessionStorage.getItem(draftOf(shown.dataset)) ?? '{}');
  for (const aspect of aspects()) {
    const input = aspect.querySelector(`input[value="${Number(draft[aspect.dataset.aspect])}"]`);
    if (input && !ticked(aspect)) input.checked = true;
  }
}

function render() {
  const before = form()?.dataset;
  stage.innerHTML = props.value ?? '';
  const shown = form();
  if (!shown) return;
  if (before?.item !== shown.dataset.item || before?.id !== shown.dataset.id) {
    seen = 0;
    since = document.hidden ? 0 : performance.now();
  }
  restoreDraft(shown);
  // Nobody was rating before the first text of a page that was reloaded: leave the focus to them.
  if (!before && document.activeElement === document.body) return;
  const title = shown.querySelector('h3');
  title.focus({ preventScroll: true });
  shown.scrollIntoView({ block: 'start' });
  said.textContent = title.textContent;
}

function missing() {
  const empty = aspects().filter((aspect) => !ticked(aspect));
  for (const aspect of aspects()) {
    const needed = empty.includes(aspect);
    aspect.querySelector('.fn-missing').hidden = !needed;
    aspect.toggleAttribute('data-missing', needed);
  }
  if (!empty.length) return false;
  empty[0].querySelector('input').focus();
  said.textContent = `${empty.length} of ${aspects().length} aspects have no score yet.`;
  return true;
}

function send(name) {
  const { form: called, id, rater, item, place, again } = form().dataset;
  look();
  for (const button of stage.querySelectorAll('button')) button.disabled = true;
  trigger(name, {
    form: called, id: Number(id), rater, item: Number(item), place: Number(place), again: again === 'true',
    scores: scores(), seconds: Math.round(seen) / 1000,
  });
}

element.addEventListener('submit', (event) => {
  event.preventDefault();
  if (form().querySelector('[type=submit]')?.disabled || missing()) return;
  sessionStorage.removeItem(draftOf(form().dataset));
  send('score');
});

element.addEventListener('click', (event) => {
  const act = event.target.closest('button[data-act]')?.dataset.act;
  if (act === 'back') send('back');
  else if (act === 'leave') trigger('leave');
});

element.addEventListener('change', (event) => {
  const aspect = event.target.closest('.fn-aspect');
  if (!aspect) return;
  aspect.querySelector('.fn-missing').hidden = true;
  aspect.removeAttribute('data-missing');
  if (form().dataset.again !== 'true') sessionStorage.setItem(draftOf(form().dataset), JSON.stringify(scores()));
});

// 1 to 5 tick a score of the aspect that has the focus, or of the first, and go on to the next.
element.addEventListener('keydown', (event) => {
  if (!/^[1-5]$/.test(event.key) || event.ctrlKey || event.altKey || event.metaKey || !aspects().length) return;
  const at = aspects().indexOf(event.target.closest('.fn-aspect'));
  const aspect = aspects()[Math.max(at, 0)];
  const input = aspect.querySelectorAll('input')[Number(event.key) - 1];
  event.preventDefault();
  input.click();
  const next = aspects()[Math.max(at, 0) + 1];
  (next ? ticked(next) ?? next.querySelector('input') : stage.querySelector('[type=submit]')).focus();
});

document.addEventListener('visibilitychange', look);
watch('value', render);
render();
