/** Tables whose heads are buttons: a click sorts, another one turns the order round. */
export function makeSortable(): void {
  document.addEventListener('click', (event) => {
    const button = (event.target as Element).closest('button.sort');
    const head = button?.closest('th');
    const body = head?.closest('table')?.tBodies[0];
    if (head && body) sortBy(head, body);
  });
}

function sortBy(head: HTMLTableCellElement, body: HTMLTableSectionElement): void {
  const before = head.getAttribute('aria-sort');
  // Numbers begin with the largest, words with A.
  const first = head.classList.contains('n') ? 'descending' : 'ascending';
  const order = before === null ? first : before === 'ascending' ? 'descending' : 'ascending';
  for (const other of head.parentElement!.children) other.removeAttribute('aria-sort');
  head.setAttribute('aria-sort', order);
  const sign = order === 'ascending' ? 1 : -1;
  const numeric = head.classList.contains('n');
  const keyed = [...body.rows].map((row) => {
    const cell = row.cells[head.cellIndex]!;
    return { row, key: cell.dataset.sort ?? cell.textContent ?? '' };
  });
  keyed.sort((a, b) => {
    // What is not known comes last in either order.
    if (a.key === '' || b.key === '') return a.key === b.key ? 0 : a.key === '' ? 1 : -1;
    return sign * (numeric ? Number(a.key) - Number(b.key) : a.key.localeCompare(b.key));
  });
  body.append(...keyed.map(({ row }) => row));
}
