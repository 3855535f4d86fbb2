"use strict";
(function () {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const narrow = () => window.innerWidth < 600;
  const config = { responsive: true, displaylogo: false, scrollZoom: false, modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]] };

  // one set of figures; on a dark screen paper and ink change places
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const inverted = { "#000000": "#f2f5f8", "#1d2733": "#e4e9ef", "#ffffff": "#171d24", "#e3e8ee": "#323d49", "#0072B2": "#4aa8e0", "#8C8C8C": "#a5a5a5", "rgba(255,255,255,0.6)": "rgba(0,0,0,0)" };
  const shown = (figure, onDark) => JSON.parse(JSON.stringify(figure, (_, value) => onDark && typeof value === "string" && value in inverted ? inverted[value] : value));
  function drawAll(onDark, width) {
    for (const [name, figure] of Object.entries(data.charts)) {
      const { data: traces, layout } = shown(figure, onDark);
      const place = document.getElementById(name);
      (place.data || []).forEach((trace, k) => { if (traces[k]) traces[k].visible = trace.visible; });
      Plotly.react(place, traces, width ? Object.assign(layout, { width: width, autosize: false }) : layout, config).then(placeNames);
    }
  }

  // a narrow screen has panels one below the other, and scales of colour below the picture
  function fitNarrow(figure, place) {
    const layout = figure.layout;
    const panels = Object.keys(layout).filter((key) => /^xaxis\d*$/.test(key) && layout[key].domain);
    const rows = panels.map((key) => layout[key.replace("x", "y")]);
    if (panels.length > 1 && rows.every((axis) => axis.domain && axis.domain[1] - axis.domain[0] > 0.9)) {
      const titles = (layout.annotations || []).map((title) => [title, title.x]);
      panels.forEach((key, k) => {
        const [left, right] = layout[key].domain;
        const top = 1 - k / panels.length;
        for (const [title, x] of titles) if (x > left && x < right) Object.assign(title, { x: 0.5, y: top - 0.05 });
        rows[k].domain = [top - 0.7 / panels.length, top - 0.05];
        layout[key].domain = [0, 1];
      });
      place.style.height = 220 * panels.length + 100 + "px";
    }
    const scales = [layout.coloraxis, ...figure.data.map((trace) => trace.marker)].map((owner) => owner && owner.colorbar);
    for (const scale of scales) if (scale) Object.assign(scale, { orientation: "h", len: 1, x: 0.5, xanchor: "center", y: -0.12, yanchor: "top", title: { text: (scale.title.text || "").replace("<br>", " "), side: "bottom" } });
    if (layout.ternary) { layout.margin.t = 120; layout.legend.y = 1.5; }
    if (layout.scene) for (const axis of "xyz") layout.scene.camera.eye[axis] *= 1.35;
  }

  // there every name takes the first free place around its point; a name that finds none is left to the tables
  const around = [["top center", -0.5, -1], ["bottom center", -0.5, 0], ["middle right", 0, -0.5], ["middle left", -1, -0.5], ["bottom right", 0, 0], ["bottom left", -1, 0], ["top right", 0, -1], ["top left", -1, -1]];
  function placeNames(place) {
    if (!narrow()) return;
    const layout = place._fullLayout;
    const drawn = place._fullData.filter((trace) => trace.visible === true && trace.type === "scatter" && trace.xaxis);
    const where = (trace, k) => {
      const [x, y] = [layout["xaxis" + trace.xaxis.slice(1)], layout["yaxis" + trace.yaxis.slice(1)]];
      return [x._offset + x.d2p(trace.x[k]), y._offset + y.d2p(trace.y[k]), x, y];
    };
    const taken = drawn.filter((trace) => trace.mode.includes("markers")).flatMap((trace) => [...trace.x].map((_, k) => {
      const [left, top] = where(trace, k);
      return [left - 5, top - 5, left + 5, top + 5];
    }));
    const apart = (a, b) => a[0] >= b[2] || b[0] >= a[2] || a[1] >= b[3] || b[1] >= a[3];
    for (const trace of drawn) {
      if (!trace.mode.includes("markers+text")) continue;
      const chosen = trace.text.map((text, k) => {
        const width = text.replace(/<[^>]*>/g, "").length * 6.2;
        const [left, top, x, y] = where(trace, k);
        for (const [name, across, down] of around) {
          const at = [left + across * width + 8 * Math.sign(across + 0.5), top + down * 15 + 8 * Math.sign(down + 0.5)];
          const box = [...at, at[0] + width, at[1] + 15];
          const inside = box[0] >= x._offset && box[2] <= x._offset + x._length && box[1] >= y._offset && box[3] <= y._offset + y._length;
          if (inside && taken.every((other) => apart(box, other))) { taken.push(box); return [text, name]; }
        }
        return ["", "top center"];
      });
      Plotly.restyle(place, { text: [chosen.map((c) => c[0])], textposition: [chosen.map((c) => c[1])] }, [trace.index]);
    }
  }

  for (const [name, figure] of Object.entries(data.charts)) {
    const place = document.getElementById(name);
    if (narrow()) {
      figure.layout.margin = Object.assign({}, figure.layout.margin, figure.layout.xaxis ? { l: 52, r: 8 } : { l: 32, r: 32 });
      figure.layout.font = Object.assign({}, figure.layout.font, { size: 11 });
      for (const title of figure.layout.annotations || []) title.font = Object.assign({}, title.font, { size: 11 });
      config.displayModeBar = false;
      if (parseInt(place.style.height) <= 520) place.style.height = "400px";
      fitNarrow(figure, place);
      const across = figure.layout.xaxis;
      if (across && across.range && across.dtick && (across.range[1] - across.range[0]) / across.dtick > 7) across.dtick *= 3;
    }
    const { data: traces, layout } = shown(figure, dark.matches);
    Plotly.newPlot(place, traces, layout, config).then(() => {
      placeNames(place);
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
