// Plays the part of a CloudWatch dashboard: it calls the widget's function with a
// context, shows the HTML, and performs the cwdb-action behind an element on a click.
"use strict";

const $ = (id) => document.getElementById(id);
const widget = $("widget");

function widgetContext() {
  const all = {};
  for (const field of widget.querySelectorAll("input[name], select[name], textarea[name]")) all[field.name] = field.value;
  const minutes = -new Date().getTimezoneOffset();
  const two = (n) => String(Math.floor(n)).padStart(2, "0");
  return {
    dashboardName: "lockwarden",
    widgetId: "widget-1",
    accountId: "123456789012",
    locale: navigator.language,
    timezone: { label: "Local", offsetISO: (minutes < 0 ? "-" : "+") + two(Math.abs(minutes) / 60) + ":" + two(Math.abs(minutes) % 60), offsetInMinutes: minutes },
    period: 300,
    isAutoPeriod: true,
    theme: $("dark").checked ? "dark" : "light",
    linkCharts: true,
    title: "Locks now",
    forms: { all },
    params: {},
    width: widget.clientWidth,
    height: widget.clientHeight,
  };
}

async function call(endpoint, parameters, into) {
  document.body.classList.add("busy");
  try {
    const response = await fetch("/call", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ endpoint, parameters, widgetContext: widgetContext() }),
    });
    const text = await response.text();
    if (response.ok) into.innerHTML = text;
    else into.textContent = text;
  } finally {
    document.body.classList.remove("busy");
  }
}

const refresh = () => call(document.body.dataset.endpoint, {}, widget);

function closed(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

document.addEventListener("click", async (event) => {
  const action = event.target.nextElementSibling;
  if (!action || action.localName !== "cwdb-action") return;
  const question = action.getAttribute("confirmation");
  if (question) {
    $("question").textContent = question;
    if ((await closed($("confirm"))) !== "yes") return;
  }
  const popup = action.getAttribute("display") === "popup";
  await call(action.getAttribute("endpoint"), JSON.parse(action.textContent || "{}"), popup ? $("answer") : widget);
  if (popup) $("popup").showModal();
});

$("dark").addEventListener("change", () => {
  document.body.classList.toggle("dark", $("dark").checked);
  refresh();
});
$("half").addEventListener("change", () => {
  widget.classList.toggle("half", $("half").checked);
  refresh();
});
$("refresh").addEventListener("click", refresh);
refresh();
