// The administration shows the theme that somebody has chosen in the workspace. Django's own script reads it from here.
"use strict";

localStorage.setItem("theme", document.currentScript.dataset.chosen);
