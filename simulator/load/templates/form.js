// Opens what Locust folds up: the scenario is the first thing that a run needs.
"use strict";
(() => {
  const watch = new MutationObserver(() => {
    for (const button of document.querySelectorAll("[aria-expanded=false]")) {
      if (button.textContent.trim() === "Custom parameters" && !button.dataset.seen) {
        button.dataset.seen = "yes";
        button.click();
      }
    }
  });
  watch.observe(document.getElementById("root"), { childList: true, subtree: true });
})();
