// The suspense desk: a suggestion is put into the form, and the person goes on with why.
"use strict";

document.addEventListener("click", function (event) {
  const button = event.target.closest("[data-pv-use]");
  const form = document.getElementById("pv-decide");
  if (!button || !form) return;
  form.querySelector("[name=kind]").value = button.dataset.pvKind;
  form.querySelector("[name=account_id]").value = button.dataset.pvUse;
  form.querySelector("[name=reason]").focus();
});
