// The till's JSON views, drawn by Swagger UI for reading: whoever tries a sale out here would make a real one.
"use strict";

// Swagger UI draws a landmark <main> of its own, which our page has already, and a link inside each button.
const fitIntoPage = ({ React: { createElement: draw } }) => ({
  components: {
    DeepLink: ({ text }) => draw("span", { className: "nostyle" }, text),
  },
  wrapComponents: {
    BaseLayout: (Original) => (props) => {
      if (props.specSelectors.loadingStatus() !== "success") return draw(Original, props);
      const parts = ["InfoContainer", "operations", "Models"].map((name) =>
        draw("div", { className: "wrapper", key: name }, draw(props.getComponent(name, true))),
      );
      return draw("div", { className: "swagger-ui" }, draw(props.getComponent("SvgAssets")), parts);
    },
  },
});

// What it draws lacks, when an operation is opened: names of controls, headings of tables, a way in by keyboard.
const MENDS = {
  "select.examples-select-element": (select) => select.setAttribute("aria-label", "Example"),
  "pre.microlight": (example) => (example.tabIndex = 0),
  "table.responses-table": (table) => {
    table.removeAttribute("role"); // a table is no landmark
    table.removeAttribute("aria-live");
  },
  "thead td": (heading) => heading.setAttribute("role", "columnheader"),
  "label[id$='_requests_select']": (label) => label.removeAttribute("id"), // the list inside has the same
};

function mendParts(root) {
  for (const [selector, mend] of Object.entries(MENDS)) root.querySelectorAll(selector).forEach(mend);
}

const place = document.getElementById("reference");
new MutationObserver(() => mendParts(place)).observe(place, { childList: true, subtree: true });
SwaggerUIBundle({
  domNode: place,
  url: place.dataset.url,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  defaultModelExpandDepth: 2,
  supportedSubmitMethods: [],
  plugins: [fitIntoPage],
  validatorUrl: null, // it would ask another host
});
