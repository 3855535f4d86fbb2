"use strict";
(function () {
  const seconds = 3;
  const byId = (id) => document.getElementById(id);

  function element(tag, className, text) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function showStages(stages) {
    const rows = stages.map((stage) => {
      const row = element("div", "stage");
      const bar = element("div", "bar");
      const parts = [["done", stage.completed], ["running", stage.running], ["failed", stage.failed]];
      for (const [name, number] of parts) {
        const part = element("span", name);
        part.style.width = (100 * number) / Math.max(stage.total, 1) + "%";
        bar.append(part);
      }
      bar.setAttribute("role", "progressbar");
      bar.setAttribute("aria-valuemin", "0");
      bar.setAttribute("aria-valuemax", stage.total);
      bar.setAttribute("aria-valuenow", stage.completed);
      bar.setAttribute("aria-label", stage.stage);
      let count = stage.completed + " of " + stage.total;
      if (stage.failed) count += ", " + stage.failed + " failed";
      if (stage.stopped) count += ", " + stage.stopped + " stopped";
      row.append(element("span", "", stage.stage), bar, element("span", "count", count));
      return row;
    });
    byId("stages").replaceChildren(...rows);
  }

  function showFailures(failures) {
    byId("failures").hidden = failures.length === 0;
    byId("failures").querySelector("tbody").replaceChildren(
      ...failures.map((failure) => {
        const row = element("tr");
        for (const text of [failure.fw_id, failure.stage, failure.name, failure.reason]) row.append(element("td", "", String(text)));
        return row;
      })
    );
  }

  function show(state) {
    document.title = state.campaign + " - lps-flows, live";
    byId("campaign").textContent = state.campaign;
    const done = state.stages.reduce((sum, stage) => sum + stage.completed, 0);
    const total = state.stages.reduce((sum, stage) => sum + stage.total, 0);
    const what = state.complete ? "Complete" : total ? "Running or waiting" : "Not submitted";
    byId("summary").textContent = what + ": " + done + " of " + total + " fireworks done, " + state.n_points + " structures on the line" + (state.method ? " by " + state.method : "");
    byId("running").textContent = state.running.length ? "Now: " + state.running.slice(0, 4).join(", ") : "";
    byId("note").textContent = state.note;
    showStages(state.stages);
    showFailures(state.failures);
    if (state.chart) Plotly.react("chart", state.chart.data, state.chart.layout, { responsive: true, displaylogo: false, displayModeBar: false });
    byId("chart").dataset.points = state.n_points;
  }

  async function turn() {
    try {
      const answer = await fetch("state.json", { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.statusText);
      show(await answer.json());
    } catch (error) {
      byId("summary").textContent = "The store or the server does not answer (" + error.message + "); trying again.";
    }
    window.setTimeout(turn, 1000 * seconds);
  }
  turn();
})();
