// Forms that wait for an outside system, and parts of a page that renew themselves until something has happened.
// Without this file everything works as well, with whole pages.
"use strict";

(function () {
  const LONGEST_MS = 90000;

  function part(id) {
    return document.getElementById(id);
  }

  function read(text) {
    return new DOMParser().parseFromString(text, "text/html");
  }

  function secrets(form) {
    return Array.from(form.querySelectorAll("input[type=password]"), (box) => [box.name, box.value]);
  }

  // After a refusal the server never sends a secret back: put what was typed in again from here.
  function giveBack(kept) {
    kept.forEach(function ([name, value]) {
      const box = document.querySelector('#pv-work input[type=password][name="' + name + '"]');
      if (box && value) box.value = value;
    });
  }

  function working(form, button) {
    const note = form.querySelector(".pv-working");
    const words = button.dataset.pvWork || form.dataset.pvWork;
    const before = button.textContent;
    const since = Date.now();
    const buttons = form.querySelectorAll("button");
    function tick() {
      const seconds = Math.round((Date.now() - since) / 1000);
      button.textContent = seconds ? words + " " + seconds + " s" : words;
    }
    buttons.forEach((one) => (one.disabled = true));
    form.setAttribute("aria-busy", "true");
    if (note) note.textContent = "";
    tick();
    const timer = setInterval(tick, 500);
    return function (trouble) {
      clearInterval(timer);
      buttons.forEach((one) => (one.disabled = false));
      form.removeAttribute("aria-busy");
      button.textContent = before;
      if (note && trouble) {
        note.textContent = trouble;
        note.classList.add("pv-person");
      }
    };
  }

  // Send it as a whole page: the page that asks for the code keeps what was typed, and sends it on.
  function whole(form, button) {
    form.querySelectorAll("button").forEach((one) => (one.disabled = false));
    delete form.dataset.pvWork;
    form.requestSubmit(button);
  }

  async function send(form, button) {
    const data = new FormData(form, button);
    const kept = secrets(form);
    const done = working(form, button);
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), LONGEST_MS);
    try {
      const answer = await fetch(form.getAttribute("action") || location.href, { method: "POST", body: data, credentials: "same-origin", signal: stop.signal });
      const fresh = read(await answer.text());
      const place = fresh.getElementById("pv-work");
      if (!place) {
        if (answer.redirected && answer.url.includes("/login")) return done("You are no longer logged in. Log in on another tab, then press again: what you typed is still here.");
        if (fresh.querySelector("input[name=pv_kept]")) return whole(form, button); // a code is asked for first
        if (answer.ok) return location.assign(answer.url);
        return done("The server answers " + answer.status + ". Nothing you typed is lost; try again in a moment.");
      }
      part("pv-work").replaceWith(document.adoptNode(place));
      if (answer.redirected) history.pushState(null, "", answer.url);
      else giveBack(kept);
      document.title = fresh.title;
      start();
      const first = document.querySelector("#pv-work [aria-invalid=true], #pv-work [role=alert], #pv-work [role=status]");
      if (first) {
        if (!first.matches("input, select, textarea")) first.tabIndex = -1;
        first.focus({ preventScroll: true });
        first.scrollIntoView({ block: "center" });
      }
    } catch (error) {
      done(error.name === "AbortError" ? "No answer after 90 seconds, so we stopped waiting. Nothing you typed is lost; look at the address and try again." : "The server cannot be reached. Nothing you typed is lost; try again in a moment.");
    } finally {
      clearTimeout(timer);
    }
  }

  function typing(place) {
    const active = document.activeElement;
    return place.contains(active) && active.matches("a, button, input, select, textarea, summary");
  }

  async function look(id, every) {
    const here = part(id);
    if (!here || here.dataset.pvPoll === undefined) return;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      const fresh = answer.ok && read(await answer.text()).getElementById(id);
      if (fresh && !typing(here)) here.replaceWith(document.adoptNode(fresh));
    } catch (error) {
      // The next look tries again; the page says since when it has been waiting.
    }
    setTimeout(look, every, id, every);
  }

  function start() {
    document.querySelectorAll("[data-pv-poll]").forEach(function (one) {
      const every = Number(one.dataset.pvPoll) || 2000;
      if (!one.dataset.pvWatched) setTimeout(look, every, one.id, every);
      one.dataset.pvWatched = "1";
    });
  }

  // A form that says in words what it would do: the server writes the sentences, nothing is saved.
  let timer;
  document.addEventListener("input", function (event) {
    const form = event.target.closest("form[data-pv-words]");
    if (!form) return;
    clearTimeout(timer);
    timer = setTimeout(async function () {
      try {
        const answer = await fetch(form.dataset.pvWords, { method: "POST", body: new FormData(form), credentials: "same-origin" });
        const fresh = answer.ok && !answer.redirected && read(await answer.text()).getElementById("pv-effect");
        if (fresh) part("pv-effect").replaceWith(document.adoptNode(fresh));
      } catch (error) {
        // The sentences stay those of the last answer; saving checks everything again.
      }
    }, 300);
  });

  document.addEventListener("submit", function (event) {
    const form = event.target.closest("form[data-pv-work]");
    const button = event.submitter;
    if (!form || !button || !part("pv-work") || form.getAttribute("method") !== "post") return;
    event.preventDefault();
    send(form, button);
  });
  window.addEventListener("popstate", () => location.reload());
  document.addEventListener("DOMContentLoaded", start);
})();
