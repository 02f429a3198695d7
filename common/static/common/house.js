// Small things of every page: the search key, a part that renews itself, a masked phone that is shown on request.
"use strict";

(function () {
  if (window.pvHouse) return; // a page may name this file twice
  window.pvHouse = true;

  const EVERY_MS = 10000;

  function clock() {
    return new Date().toLocaleTimeString("en-GB", { timeZone: "Africa/Nairobi" });
  }

  function renewing(part) {
    const note = document.getElementById("pv-live");
    let last = clock();

    function say(text, stale) {
      note.textContent = text;
      note.classList.toggle("pv-stale", stale);
    }

    async function renew() {
      if (document.hidden || part.contains(document.activeElement)) return; // nobody looks, or somebody is in it
      try {
        const answer = await fetch(location.href, { credentials: "same-origin", headers: { "X-Requested-With": "fetch" } });
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
        if (answer.redirected || (answer.ok && !fresh)) {
          clearInterval(timer);
          say("You are no longer logged in: this picture is from " + last + ". Load the page again.", true);
        } else if (!answer.ok) {
          say("The server answers " + answer.status + ": this picture is from " + last + ".", true);
        } else {
          part.replaceChildren(...fresh.childNodes);
          last = clock();
          say("As of " + last + ", renewed every 10 seconds", false);
        }
      } catch (error) {
        say("The server cannot be reached: this picture is from " + last + ".", true);
      }
    }

    const timer = setInterval(renew, EVERY_MS);
    document.addEventListener("visibilitychange", renew);
    say("As of " + last + ", renewed every 10 seconds", false);
  }

  function searching(event) {
    const at = document.activeElement;
    const typing = at && (/^(input|textarea|select)$/i.test(at.tagName) || at.isContentEditable);
    const bare = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === "/" && bare && !typing) {
      event.preventDefault();
      window.dispatchEvent(new CustomEvent("opencommand"));
    }
  }

  async function reveal(form) {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), credentials: "same-origin" });
    const place = document.getElementById("pv-phone");
    place.textContent = answer.ok ? (await answer.json()).phone : "could not be shown (" + answer.status + ")";
    if (answer.ok) form.remove();
  }

  document.addEventListener("keydown", searching);
  document.addEventListener("DOMContentLoaded", function () {
    const part = document.querySelector("[data-pv-renew]");
    if (part) renewing(part);
    const form = document.getElementById("pv-reveal");
    if (form) {
      form.addEventListener("submit", function (event) {
        event.preventDefault();
        reveal(form);
      });
    }
  });
})();
