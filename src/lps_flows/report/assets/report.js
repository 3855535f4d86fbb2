"use strict";
(function () {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const narrow = () => window.innerWidth < 600;
  const config = { responsive: true, displaylogo: false, modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]] };

  // one set of figures; on a dark screen paper and ink change places
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const inverted = { "#000000": "#f2f5f8", "#1d2733": "#e4e9ef", "#ffffff": "#171d24", "#e3e8ee": "#323d49", "#0072B2": "#4aa8e0", "#8C8C8C": "#a5a5a5", "rgba(255,255,255,0.6)": "rgba(0,0,0,0)" };
  const shown = (figure, onDark) => JSON.parse(JSON.stringify(figure, (_, value) => onDark && typeof value === "string" && value in inverted ? inverted[value] : value));
  function drawAll(onDark, width) {
    for (const [name, figure] of Object.entries(data.charts)) {
      const { data: traces, layout } = shown(figure, onDark);
      const place = document.getElementById(name);
      (place.data || []).forEach((trace, k) => { if (traces[k]) traces[k].visible = trace.visible; });
      Plotly.react(place, traces, width ? Object.assign(layout, { width: width, autosize: false }) : layout, config);
    }
  }

  for (const [name, figure] of Object.entries(data.charts)) {
    const place = document.getElementById(name);
    if (narrow()) {
      figure.layout.margin = Object.assign({}, figure.layout.margin, figure.layout.xaxis ? { l: 52, r: 8 } : { l: 32, r: 32 });
      figure.layout.font = Object.assign({}, figure.layout.font, { size: 11 });
      for (const title of figure.layout.annotations || []) title.font = Object.assign({}, title.font, { size: 11 });
      config.displayModeBar = false;
      if (parseInt(place.style.height) <= 520) place.style.height = "430px";
      const across = figure.layout.xaxis;
      if (across && across.range && across.dtick && (across.range[1] - across.range[0]) / across.dtick > 7) across.dtick *= 3;
    }
    const { data: traces, layout } = shown(figure, dark.matches);
    Plotly.newPlot(place, traces, layout, config).then(() => {
      place.on("plotly_click", (event) => {
        const chosen = event.points[0].customdata;
        if (typeof chosen === "string") show(chosen, true);
      });
    });
  }

  // a narrow screen opens a long table with a touch only; paper shows all of them
  const folds = [...document.querySelectorAll("details")];
  if (narrow()) for (const fold of document.querySelectorAll("details.wide-open")) fold.open = false;
  let opened = [];
  let viewer = null;
  window.addEventListener("beforeprint", () => {
    opened = folds.filter((fold) => !fold.open && !fold.querySelector("pre"));
    for (const fold of opened) fold.open = true;
    drawAll(false, 680);
  });
  window.addEventListener("afterprint", () => {
    for (const fold of opened) fold.open = false;
    drawAll(dark.matches);
  });
  dark.addEventListener("change", () => {
    drawAll(dark.matches);
    if (viewer) { viewer.setBackgroundColor(paper()); viewer.render(); }
  });
  const paper = () => getComputedStyle(document.documentElement).getPropertyValue("--paper").trim();

  for (const menu of document.querySelectorAll("select[data-chart]")) {
    menu.selectedIndex = 0;
    menu.addEventListener("change", () => {
      Plotly.restyle(menu.dataset.chart, { visible: data.choices[menu.dataset.chart][menu.selectedIndex] });
    });
  }

  // CPK-like colours; other elements take 3Dmol's own
  const colours = data.colours;
  const radii = { Li: 0.45, Na: 0.5, P: 0.5, S: 0.6 };
  const choice = document.getElementById("structure-choice");
  if (!choice) { document.documentElement.dataset.ready = "yes"; return; }
  const view = document.getElementById("structure-view");
  const facts = document.getElementById("structure-facts");
  const names = Object.keys(data.structures);
  for (const name of names) {
    const option = document.createElement("option");
    const facts = data.structures[name].facts;
    option.value = name;
    option.textContent = data.structures[name].name + (facts["energy above hull"] ? ", " + facts["energy above hull"] : "");
    choice.appendChild(option);
  }
  if (names.length && typeof $3Dmol !== "undefined") {
    try {
      viewer = $3Dmol.createViewer(view, { backgroundColor: paper(), antialias: true });
    } catch (error) {
      viewer = null;
    }
  }
  if (!viewer) view.textContent = names.length ? "This browser shows no 3D graphics (WebGL); the facts and the CIF are here all the same." : "No structure is in this page.";

  function show(name, move) {
    const chosen = data.structures[name];
    if (!chosen) {
      facts.replaceChildren();
      term("structure", "This structure is not in the page, which holds the lowest of every composition. Its document: " + name);
      choice.selectedIndex = -1;
      if (viewer) { viewer.removeAllModels(); viewer.removeAllShapes(); viewer.removeAllLabels(); viewer.render(); }
      view.dataset.shown = "";
      return;
    }
    choice.value = name;
    facts.replaceChildren();
    for (const [key, value] of Object.entries(chosen.facts)) term(key, value);
    const link = document.getElementById("structure-cif");
    link.href = "data:chemical/x-cif;charset=utf-8," + encodeURIComponent(chosen.cif);
    link.download = chosen.name.replace(/[^A-Za-z0-9._-]/g, "_") + ".cif";
    draw(chosen);
    view.dataset.shown = name;
    if (move) view.scrollIntoView({ block: "nearest" });
  }

  function term(key, value) {
    const dt = document.createElement("dt");
    const dd = document.createElement("dd");
    dt.textContent = key;
    dd.textContent = value;
    facts.append(dt, dd);
  }

  function draw(chosen) {
    if (!viewer) return;
    viewer.removeAllModels();
    viewer.removeAllShapes();
    viewer.removeAllLabels();
    const model = viewer.addModel(chosen.xyz, "xyz");
    model.setCrystMatrix(new $3Dmol.Matrix3(...chosen.cell));
    const elements = [...new Set(model.selectedAtoms({}).map((atom) => atom.elem))];
    const legend = document.getElementById("structure-legend");
    legend.replaceChildren();
    for (const element of elements) {
      const colour = colours[element];
      const sphere = { radius: radii[element] || 0.5 };
      if (colour) sphere.color = colour;
      const style = { sphere: sphere };
      if (chosen.bonded.includes(element)) style.stick = Object.assign({ radius: 0.13 }, colour ? { color: colour } : {});
      viewer.setStyle({ elem: element }, style);
      const dot = document.createElement("span");
      dot.style.background = colour || "#999";
      legend.append(dot, element);
    }
    if (chosen.bonded.length > 1) legend.append(" (anions are drawn whole, also beyond the cell)");
    if (document.getElementById("show-cell").checked) viewer.addUnitCell(model, { box: { color: "#5a6675" }, alabel: "a", blabel: "b", clabel: "c" });
    viewer.zoomTo();
    viewer.rotate(12, "x");
    viewer.rotate(18, "y");
    viewer.render();
  }

  choice.addEventListener("change", () => show(choice.value, false));
  document.getElementById("show-cell").addEventListener("change", () => show(choice.value, false));
  for (const button of document.querySelectorAll("button.show"))
    button.addEventListener("click", () => show(button.dataset.structure, true));
  view.addEventListener("keydown", (event) => {
    if (!viewer) return;
    const turns = { ArrowLeft: [-10, "y"], ArrowRight: [10, "y"], ArrowUp: [-10, "x"], ArrowDown: [10, "x"] };
    if (event.key in turns) viewer.rotate(...turns[event.key]);
    else if (event.key === "+" || event.key === "=") viewer.zoom(1.2);
    else if (event.key === "-") viewer.zoom(1 / 1.2);
    else return;
    viewer.render();
    event.preventDefault();
  });
  if (names.length) show(data.first, false);
  document.documentElement.dataset.ready = "yes";
})();
