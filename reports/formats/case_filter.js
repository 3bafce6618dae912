"use strict";
// Which cases of a suite are shown, and in which order. Without it all are, as in the suite.
(() => {
  const words = document.getElementById("words");
  const status = document.getElementById("status");
  const order = document.getElementById("order");
  const count = document.getElementById("count");
  if (!words) return;
  document.documentElement.classList.add("js");
  const cases = [...document.querySelectorAll(".case")];
  cases.forEach((each, place) => { each.dataset.place = place; });

  // Cases without the figure come last.
  const figure = (each, key) => each.dataset[key] === undefined
    ? -Infinity : Number(each.dataset[key]);

  const show = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const each of cases) {
      const name = each.dataset.name.toLowerCase();
      const fits = wanted.every(word => name.includes(word)) &&
        (status.value === "" || each.dataset.status === status.value ||
         (status.value === "unwell" && each.classList.contains("unwell")));
      each.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    for (const group of document.querySelectorAll(".group")) {
      group.hidden = !group.querySelector(".case:not([hidden])");
    }
    count.textContent = `${shown} of ${cases.length} shown`;
  };

  const sort = () => {
    const key = order.value;
    for (const list of document.querySelectorAll(".cases")) {
      const sorted = [...list.children].sort((one, other) => key === "place"
        ? one.dataset.place - other.dataset.place
        : figure(other, key) - figure(one, key) || one.dataset.place - other.dataset.place);
      list.append(...sorted);
    }
  };

  words.addEventListener("input", show);
  status.addEventListener("change", show);
  order.addEventListener("change", sort);
  show();
})();
