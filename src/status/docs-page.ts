/** The page of Swagger UI, with nothing in line: its policy allows none of that. */
export const docsHtml = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Moonstead API</title>
<link rel="icon" href="swagger/favicon.png">
<link rel="stylesheet" href="swagger/swagger-ui.css">
<link rel="stylesheet" href="swagger/page.css">
<script defer src="swagger/swagger-ui-bundle.js"></script>
<script defer src="swagger/page.js"></script>
</head>
<body>
<div id="swagger-ui"></div>
<noscript>Swagger UI needs JavaScript. The document itself is at <a href="swagger/json">/swagger/json</a>.</noscript>
</body>
</html>
`;

export const docsCss = `html {
  box-sizing: border-box;
  overflow-y: scroll;
}
*, ::before, ::after {
  box-sizing: inherit;
}
body {
  margin: 0;
}
html.dark-mode body {
  background: #1c2022;
  color: #e4e6e6;
}
.swagger-ui .info {
  margin: 2rem 0 1rem;
}
.swagger-ui .opblock-description-wrapper table {
  width: auto;
}
.swagger-ui .opblock-description-wrapper table tr :is(th, td, td:first-of-type) {
  padding: 0.2rem 1rem 0.2rem 0;
}
.swagger-ui .response-col_links {
  display: none;
}
html.dark-mode .swagger-ui table tbody tr td {
  color: #e4e6e6;
}
`;

/**
 * Starts it. What lives elsewhere, becomes a WebSocket or never ends has no "Try it out": the
 * page's policy lets nothing but its own origin be asked, and an answer would never be shown.
 */
export const docsScript = `const dark = matchMedia('(prefers-color-scheme: dark)');
const dress = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', dress);
dress();

const onlyWhatAnswersHere = () => ({
  statePlugins: {
    spec: {
      wrapSelectors: {
        allowTryItOutFor: (_, { specSelectors }) => (_state, path, method) => {
          const found = specSelectors.specJson().getIn(['paths', path, method])?.toJS() ?? {};
          const origins = (found.servers ?? []).map(({ url }) => new URL(url, location.href).origin);
          if (origins.length > 0 && !origins.includes(location.origin)) return false;
          const { 101: upgrade, 200: done } = found.responses ?? {};
          return upgrade === undefined && done?.content?.['text/event-stream'] === undefined;
        },
      },
    },
  },
});

SwaggerUIBundle({
  url: 'swagger/json',
  dom_id: '#swagger-ui',
  plugins: [onlyWhatAnswersHere],
  // Else it shows the document's address to a validator on the internet.
  validatorUrl: null,
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: 'list',
});
`;
