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

  const SHOWN_MS = 30000;

  function token() {
    const input = document.querySelector("input[name=csrfmiddlewaretoken]");
    const cookie = document.cookie.split("; ").find((one) => /csrftoken=/.test(one));
    return input ? input.value : cookie ? cookie.slice(cookie.indexOf("=") + 1) : "";
  }

  // A masked phone is a button: pressed, it asks for the number, shows it for half a minute, and hides it again.
  async function reveal(button) {
    const hidden = button.dataset.pvHidden || button.textContent;
    button.dataset.pvHidden = hidden;
    button.disabled = true;
    let words;
    try {
      const answer = await fetch(button.dataset.pvReveal, { method: "POST", credentials: "same-origin", headers: { "X-CSRFToken": token() } });
      if (answer.redirected) words = "log in again";
      else if (answer.status === 403) words = "not for your role";
      else words = answer.ok ? (await answer.json()).phone : "could not be shown (" + answer.status + ")";
    } catch (error) {
      words = "the server cannot be reached";
    }
    button.textContent = words;
    button.disabled = false;
    button.setAttribute("aria-live", "polite");
    setTimeout(function () { button.textContent = hidden; }, SHOWN_MS);
  }

  document.addEventListener("keydown", searching);
  document.addEventListener("DOMContentLoaded", function () {
    const part = document.querySelector("[data-pv-renew]");
    if (part) renewing(part);
  });
  document.addEventListener("click", function (event) {
    const button = event.target.closest("[data-pv-reveal]");
    if (button) {
      event.preventDefault();
      reveal(button);
    }
  });
})();
