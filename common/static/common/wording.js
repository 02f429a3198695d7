// The desk of texts: chips that insert, and a preview that the server makes while somebody types.
"use strict";

(function () {
  const WAIT_MS = 250;

  function put(id, text) {
    const place = document.getElementById(id);
    place.textContent = text;
    return place;
  }

  function show(found) {
    put("text-says", found.words);
    document.getElementById("text").toggleAttribute("aria-invalid", !found.ok);
    if (!found.ok) return;
    put("pv-preview", found.text);
    put("pv-size", found.size);
    put("pv-cost", found.cost);
    put("pv-note", found.note).hidden = !found.note;
  }

  function desk(form) {
    const box = form.querySelector("textarea");
    let timer, turn = 0;

    async function weigh() {
      const mine = ++turn;
      try {
        const answer = await fetch(form.dataset.weigh, { method: "POST", body: new FormData(form), credentials: "same-origin" });
        if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
        const found = await answer.json();
        if (mine === turn) show(found);
      } catch (error) {
        if (mine === turn) put("text-says", "The preview cannot be made now; what you typed is still here.");
      }
    }

    box.addEventListener("input", function () {
      clearTimeout(timer);
      timer = setTimeout(weigh, WAIT_MS);
    });
    form.querySelectorAll("[data-pv-insert]").forEach(function (chip) {
      chip.addEventListener("click", function () {
        box.setRangeText(chip.dataset.pvInsert, box.selectionStart, box.selectionEnd, "end");
        box.focus();
        weigh();
      });
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll("select[data-pv-go]").forEach(function (list) {
      list.addEventListener("change", () => location.assign(list.value));
    });
    const form = document.getElementById("pv-wording");
    if (form) desk(form);
  });
})();
