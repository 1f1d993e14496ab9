/** What a visitor of the tasks' listener sees until there is a dashboard. */
export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Moonstead</title>
<h1>Moonstead</h1>
<p>The server is running.</p>
<ul>
<li><a href="/status">/status</a>: workers and tasks by region</li>
<li><a href="/clients">/clients</a>: each worker</li>
<li><a href="/region">/region</a>: the hierarchy of regions</li>
</ul>
</html>
`;
