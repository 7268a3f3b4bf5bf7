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

const place = document.getElementById("reference");
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
