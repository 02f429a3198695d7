// Parts of a page that renew themselves: <div id="…" data-pv-live="3"> is asked for again every 3 seconds.
// Nothing is asked while nobody looks, and nothing is taken away from under a hand that types. Whatever was
// unfolded stays unfolded, and the keyboard stays where it was. A part that comes back without the mark is final.
"use strict";

(function () {
  function clock() {
    return new Date().toLocaleTimeString("en-GB", { timeZone: "Africa/Nairobi" });
  }

  // The buttons of the page belong to it: another state allows other acts.
  function parts() {
    return Array.from(document.querySelectorAll("[data-pv-live], #pv-actions"));
  }

  function seconds() {
    const found = parts().map((part) => Number(part.dataset.pvLive)).filter(Boolean);
    return found.length ? Math.min(...found) : 0;
  }

  function busy() {
    const here = document.activeElement;
    const typing = here && here.matches("input, textarea, select") && here.closest("[data-pv-live]");
    const marked = getSelection();
    return document.hidden || typing || (marked && !marked.isCollapsed);
  }

  // What names an element again after its part was renewed.
  function sign(element) {
    return element.id || element.getAttribute("href") || element.getAttribute("aria-label") || element.textContent.trim();
  }

  function twin(part, element) {
    const same = Array.from(part.querySelectorAll(element.tagName)).filter((one) => sign(one) === sign(element));
    return same[0];
  }

  function renewed(part, fresh) {
    if (part.dataset.pvLive !== fresh.dataset.pvLive) {
      if (fresh.dataset.pvLive) part.dataset.pvLive = fresh.dataset.pvLive;
      else delete part.dataset.pvLive;
    }
    if (part.dataset.pvSeen === fresh.innerHTML || part.querySelector("[aria-expanded=true]")) return;
    const seen = fresh.innerHTML;
    const unfolded = Array.from(part.querySelectorAll("details[open] > summary"));
    const held = part.contains(document.activeElement) ? document.activeElement : null;
    const places = Array.from(part.querySelectorAll(".pv-scroll"), (one) => one.scrollLeft);
    part.replaceChildren(...fresh.childNodes);
    part.dataset.pvSeen = seen;
    unfolded.map((one) => twin(part, one)).forEach((one) => { if (one) one.parentElement.open = true; });
    part.querySelectorAll(".pv-scroll").forEach((one, place) => { one.scrollLeft = places[place] || 0; });
    if (held && twin(part, held)) twin(part, held).focus({ preventScroll: true });
    if (window.htmx) window.htmx.process(part);
  }

  function start() {
    const note = document.getElementById("pv-live");
    let last = clock(), asking = false, timer;

    function say(text, stale) {
      if (!note) return;
      note.textContent = text;
      note.classList.toggle("pv-stale", stale);
      if (stale) note.setAttribute("role", "alert"); // read out; the quiet "as of" is not
      else note.removeAttribute("role");
    }

    function usual() {
      say(seconds() ? "As of " + last + ", renewed every " + seconds() + " seconds" : "As of " + last, false);
    }

    function take(text) {
      const page = new DOMParser().parseFromString(text, "text/html");
      const found = parts().map((part) => [part, page.getElementById(part.id)]).filter(([, fresh]) => fresh);
      found.forEach(([part, fresh]) => renewed(part, fresh));
      return found.length > 0;
    }

    async function renew() {
      if (asking || busy() || !seconds()) return plan();
      asking = true;
      try {
        const answer = await fetch(location.href, { credentials: "same-origin", headers: { "X-Requested-With": "fetch" } });
        const text = await answer.text();
        if (answer.redirected || (answer.ok && !take(text))) {
          say("You are no longer logged in: this picture is from " + last + ". Load the page again.", true);
          return undefined;
        }
        if (answer.ok) {
          last = clock();
          usual();
        } else {
          say("The server answers " + answer.status + ": this picture is from " + last + ".", true);
        }
      } catch (error) {
        say("The server cannot be reached: this picture is from " + last + ".", true);
      } finally {
        asking = false;
      }
      return plan();
    }

    function plan() {
      clearTimeout(timer);
      if (seconds()) timer = setTimeout(renew, seconds() * 1000);
    }

    document.addEventListener("visibilitychange", () => { if (!document.hidden) renew(); });
    usual();
    plan();
  }

  document.addEventListener("DOMContentLoaded", start);
})();
