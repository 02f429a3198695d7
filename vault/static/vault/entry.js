// The one page that shows recovery codes: printing, with a button.
"use strict";

document.addEventListener("DOMContentLoaded", function () {
  const button = document.getElementById("print-codes");
  if (button) button.addEventListener("click", function () { window.print(); });
});
