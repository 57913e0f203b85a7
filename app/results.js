// A report that the server has escaped, and a button that saves the text hidden in it as a file.
const shown = element.querySelector('.fn-results');

function render() {
  shown.innerHTML = props.value ?? '';
}

element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-act=save]');
  if (!button) return;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([shown.querySelector('pre').textContent], { type: 'text/csv' }));
  link.download = button.dataset.name;
  link.click();
  URL.revokeObjectURL(link.href);
});

watch('value', render);
render();
