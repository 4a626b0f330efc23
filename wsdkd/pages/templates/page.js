"use strict";
// Tables that a click on a column's head sorts: numbers the greatest first, words from A to Z.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const body = table.tBodies[0];
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    const value = cell.dataset.value ?? cell.textContent.trim();
    return value === "–" || value === "" ? null : value;
  };
  heads.forEach((head, column) => {
    if (head.classList.contains("fixed")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const rows = [...body.rows].map((row) => ({ row, value: valueOf(row, column) }));
      const known = rows.filter((each) => each.value !== null);
      const numeric = known.every((each) => Number.isFinite(Number(each.value)));
      const before = head.getAttribute("aria-sort");
      const order = before === null ? (numeric ? "descending" : "ascending")
        : before === "ascending" ? "descending" : "ascending";
      const sign = order === "ascending" ? 1 : -1;
      known.sort((a, b) => sign * (numeric ? a.value - b.value
        : a.value.localeCompare(b.value, "en", { numeric: true })));
      for (const each of heads) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order);
      body.append(...[...known, ...rows.filter((each) => each.value === null)].map((each) => each.row));
    });
  });
}
// A link to a part that is folded away opens it.
function unfold() {
  let part = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const target = part;
  for (; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  if (target) target.scrollIntoView();
}
addEventListener("hashchange", unfold);
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='#']");
  if (link && link.hash === location.hash) unfold();
});
if (location.hash) unfold();
