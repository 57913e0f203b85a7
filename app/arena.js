// A battle (`morph.js` stands before this). The server sends what is to be seen; here are the keys, the time that a
// vote took, and what a screen reader is told. A vote is sent once: what was sent is not sent again.
const stage = element.querySelector('.fn-ring');
const said = element.querySelector('.fn-said');
const KEYS = { 1: 'left', 2: 'tie', 3: 'right', 4: 'bad', 5: 'skip', ArrowLeft: 'left', ArrowRight: 'right' };
let since = 0;
let sent = '';

const arena = () => stage.querySelector('.fn-arena');
const button = (winner) => stage.querySelector(`button[data-winner=${winner}]`);

function vote(winner) {
  const { battle, state } = arena()?.dataset ?? {};
  if (!battle || sent === battle || button(winner)?.getAttribute('aria-disabled') !== 'false') return;
  sent = battle;
  arena().classList.add('fn-sent');
  trigger('vote', { battle: Number(battle), winner, seconds: state === 'ready' ? (performance.now() - since) / 1000 : null });
}

function told() {
  const shown = arena();
  if (!shown) return '';
  if (shown.dataset.state === 'ready') return 'Both answers are there. 1: A is better, 2: tie, 3: B is better, 4: both bad, 5: skip.';
  return shown.querySelector('[data-tell]')?.textContent ?? '';
}

function render() {
  const template = document.createElement('template');
  template.innerHTML = props.value ?? '';
  const before = { ...arena()?.dataset };
  const held = stage.contains(document.activeElement) || document.activeElement === document.body;
  morphChildren(stage, template.content);
  const now = arena()?.dataset ?? {};
  if (now.battle !== before.battle) sent = '';
  if (now.battle === before.battle && now.state === before.state) return;
  // On a phone the answers begin below what was pressed.
  if (now.battle && now.battle !== before.battle && matchMedia('(max-width: 640px)').matches) arena().scrollIntoView();
  if (now.state === 'ready') since = performance.now();
  said.textContent = told();
  // The next thing to press has the focus, but it is never taken from another place of the page.
  if (held && now.state === 'told') stage.querySelector('[data-act=onward]')?.focus();
  if (held && now.battle && now.battle !== before.battle) stage.querySelector('.fn-asked')?.focus({ preventScroll: true });
}

stage.addEventListener('click', (event) => {
  const pressed = event.target.closest('button');
  if (pressed?.dataset.winner) vote(pressed.dataset.winner);
  else if (pressed?.dataset.act === 'onward') trigger('onward', {});
});

function onKey(event) {
  if (!element.isConnected) return document.removeEventListener('keydown', onKey);
  const busy = event.defaultPrevented || event.repeat || event.ctrlKey || event.metaKey || event.altKey;
  const elsewhere = event.target.closest?.('input, textarea, select, [contenteditable], [role=tab], [popover]:popover-open, dialog');
  if (busy || elsewhere || !stage.offsetParent || !(event.key in KEYS)) return;
  if (document.querySelector('dialog[open], :popover-open')) return;
  vote(KEYS[event.key]);
}
document.addEventListener('keydown', onKey);

watch('value', render);
render();
// Only now can the page show the battle that was left open: what came before this was here would not be seen.
setTimeout(() => trigger('mounted', {}));
