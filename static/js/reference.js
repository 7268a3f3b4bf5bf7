// The till's JSON views, drawn by Swagger UI for reading: whoever tries a sale out here would make a real one.
"use strict";

const place = document.getElementById("reference");
SwaggerUIBundle({
  domNode: place,
  url: place.dataset.url,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  defaultModelExpandDepth: 2,
  supportedSubmitMethods: [],
  validatorUrl: null, // it would ask another host
});
