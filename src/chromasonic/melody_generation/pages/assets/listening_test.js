// Answers of a listening test: given, kept by the browser while one works, and saved as a file.
"use strict";

const ListeningTest = (() => {
  const main = document.getElementById("test");
  const { test, format } = main.dataset;
  const storageKey = `chromasonic.listening-test.${test}`;
  const holder = document.getElementById("tunes");
  const judge = document.getElementById("judge");
  const progress = document.getElementById("progress");
  const place = document.getElementById("place");
  const saved = document.getElementById("saved");
  const views = [...document.querySelectorAll("[data-view]")];
  const steps = [...document.querySelectorAll("[data-step]")];
  const cards = new Map([...holder.children].map((card, index) => [card.dataset.tune, { card, track: Player.tracks[index] }]));
  const questions = [...holder.querySelector(".questions").querySelectorAll("[data-question]")].map((each) => each.dataset.question);
  const ratings = questions.filter((question) => question !== "real");

  // ---- state: restored, or new with an order of the judge's own

  const random = (n) => crypto.getRandomValues(new Uint32Array(1))[0] % n;
  const hex = () => [...crypto.getRandomValues(new Uint8Array(8))].map((each) => each.toString(16).padStart(2, "0")).join("");

  function shuffled(ids) {
    for (let i = ids.length - 1; i > 0; i--) {
      const j = random(i + 1);
      [ids[i], ids[j]] = [ids[j], ids[i]];
    }
    return ids;
  }

  function restored() {
    try {
      const kept = JSON.parse(localStorage.getItem(storageKey));
      const fits = kept && kept.order.length === cards.size && kept.order.every((id) => cards.has(id)) && kept.answers;
      return fits ? kept : null;
    } catch {
      return null;
    }
  }

  const anew = () => ({ judge: "", judgeId: hex(), order: shuffled([...cards.keys()]), answers: {}, at: 0, view: "one" });
  const state = restored() ?? anew();
  let isUnsaved = false;

  function keep() {
    try {
      localStorage.setItem(storageKey, JSON.stringify(state));
      return true;
    } catch {
      document.getElementById("storage").hidden = false;
      return false;
    }
  }

  // ---- answers

  const answerOf = (id) => (state.answers[id] ??= { ratings: {}, is_real: null, is_known: false });

  const isComplete = (id) => {
    const answer = state.answers[id];
    return Boolean(answer) && (answer.is_known || (answer.is_real !== null && ratings.every((each) => each in answer.ratings)));
  };

  function answer(id, question, value) {
    const given = answerOf(id);
    if (question === "real") given.is_real = value === "true";
    else given.ratings[question] = Number(value);
    changed(id);
  }

  function changed(id) {
    isUnsaved = true;
    keep();
    showAnswers(id);
    showProgress();
  }

  function showAnswers(id) {
    const { card } = cards.get(id);
    const given = state.answers[id];
    for (const question of questions) {
      const value = question === "real" ? given?.is_real : given?.ratings[question];
      card.querySelectorAll(`[data-question=${question}] input`).forEach((input) => {
        input.checked = value !== undefined && value !== null && input.value === String(value);
      });
    }
    card.querySelector("[data-known]").checked = Boolean(given?.is_known);
    card.classList.toggle("is-known", Boolean(given?.is_known));
    card.querySelector(".state").hidden = !isComplete(id);
  }

  // ---- what is shown

  const shownId = () => state.order[state.at];
  const nComplete = () => state.order.filter(isComplete).length;

  function showProgress() {
    progress.textContent = `${nComplete()} of ${cards.size} answered`;
  }

  function show() {
    const isOne = state.view === "one";
    state.order.forEach((id, index) => (cards.get(id).card.hidden = isOne && index !== state.at));
    views.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.view === state.view)));
    place.textContent = isOne ? `${state.at + 1} of ${cards.size} · ` : "";
    steps.forEach((button) => {
      const goal = state.at + Number(button.dataset.step);
      button.hidden = !isOne;
      button.disabled = goal < 0 || goal >= cards.size;
    });
    if (isOne) select(shownId());
    showProgress();
  }

  // The controls at the foot of the page are those of the tune that is shown.
  function select(id) {
    const { track } = cards.get(id);
    const playing = Player.tracks.find(Player.isPlaying);
    if (playing && playing !== track) Player.pause(playing);
    Player.seek(track, track.position);
  }

  function go(step) {
    const goal = state.at + step;
    if (goal < 0 || goal >= cards.size) return;
    state.at = goal;
    keep();
    show();
    const { card } = cards.get(shownId());
    card.querySelector("h3").focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest" });
  }

  // ---- the file

  function contents() {
    const { judgeId, order, answers } = state;
    return { format, version: 1, test, judge: state.judge, judge_id: judgeId, order, answers };
  }

  function save() {
    const name = state.judge.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 30) || "judge";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(contents(), null, 1)], { type: "application/json" }));
    link.download = `answers_${name}_${state.judgeId.slice(0, 4)}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    isUnsaved = false;
    const missing = cards.size - nComplete();
    saved.textContent = missing
      ? `Saved ${link.download}, but ${missing} of ${cards.size} tunes still lack an answer.`
      : `Saved ${link.download}: all ${cards.size} tunes are answered. Thank you! Send the file to whoever asked you.`;
  }

  function restart() {
    if (!confirm("Forget all answers on this page, and begin as another judge?")) return;
    Object.assign(state, anew());
    isUnsaved = false;
    begin();
    scrollTo(0, 0);
  }

  // ---- input

  const cardOf = (element) => element.closest("[data-tune]")?.dataset.tune;

  holder.addEventListener("change", ({ target }) => {
    const id = cardOf(target);
    if (target.matches("[data-known]")) {
      answerOf(id).is_known = target.checked;
      changed(id);
    } else if (target.type === "radio") answer(id, target.closest("[data-question]").dataset.question, target.value);
  });

  judge.addEventListener("input", () => {
    state.judge = judge.value;
    isUnsaved = true;
    keep();
  });

  // A digit rates the question that has the focus, else the first without an answer.
  function rate(id, value, focused) {
    const question = focused ?? ratings.find((each) => !(each in (state.answers[id]?.ratings ?? {})));
    if (!question || question === "real") return;
    answer(id, question, value);
  }

  function onKey(event) {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.target === judge) return;
    const id = cardOf(event.target) ?? (state.view === "one" ? shownId() : null);
    const focused = event.target.matches("input[type=radio]") ? event.target.closest("[data-question]").dataset.question : null;
    const key = event.key.toLowerCase();
    if (id && /^[1-5]$/.test(key)) rate(id, key, focused);
    else if (id && (key === "r" || key === "m")) answer(id, "real", String(key === "r"));
    else if (state.view === "one" && key === "n") go(1);
    else if (state.view === "one" && key === "p") go(-1);
    else if (id && key === " " && !event.target.closest("button, summary, input, .roll")) {
      const { track } = cards.get(id);
      if (Player.isPlaying(track)) Player.pause(track);
      else Player.play(track);
    } else return;
    event.preventDefault();
  }

  document.addEventListener("keydown", onKey);
  views.forEach((button) =>
    button.addEventListener("click", () => {
      state.view = button.dataset.view;
      keep();
      show();
    }),
  );
  steps.forEach((button) => button.addEventListener("click", () => go(Number(button.dataset.step))));
  document.getElementById("save").addEventListener("click", save);
  document.getElementById("restart").addEventListener("click", restart);
  addEventListener("beforeunload", (event) => {
    if (isUnsaved && !keep()) event.preventDefault();
  });

  function begin() {
    state.order.forEach((id) => {
      holder.append(cards.get(id).card);
      showAnswers(id);
    });
    judge.value = state.judge;
    keep();
    show();
  }

  begin();
  return { state, contents };
})();
