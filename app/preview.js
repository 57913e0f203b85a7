// The text of a document in a dialog, which the browser itself closes with Escape and gives the focus back from.
const dialog = element.querySelector('dialog');
let shown = 0;

function render() {
  const template = document.createElement('template');
  template.innerHTML = props.value ?? '';
  const article = template.content.firstElementChild;
  // Of two answers the one asked for last is shown, in whatever order they come.
  if (!article || Number(article.dataset.turn) <= shown) return;
  shown = Number(article.dataset.turn);
  dialog.replaceChildren(article);
  if (!dialog.open) dialog.showModal();
  dialog.querySelector('.fn-reading').focus();
}

dialog.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (event.target === dialog || button?.hasAttribute('data-close')) dialog.close();
  else if (button) {
    const id = dialog.firstElementChild.dataset.document;
    trigger('turn', { id, part: Number(button.dataset.part), turn: Date.now() });
  }
});

// The text is let go of: it may be long.
dialog.addEventListener('close', () => dialog.replaceChildren());

watch('value', render);
