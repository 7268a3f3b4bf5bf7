// Makes reference.json anew: the HTML that MJML's own compiler makes of templates.json.
// Not part of any run. In an empty folder: npm install mjml@4, then: node reference.mjs TEMPLATES REFERENCE
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const mjml2html = createRequire(`${process.cwd()}/`)('mjml')
const templates = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const made = {}
for (const [name, text] of Object.entries(templates)) {
  const { html } = mjml2html(text, { validationLevel: 'skip', fonts: {} })
  made[name] = html.slice(html.indexOf('<body')).replace(/\s+/g, ' ')
}
writeFileSync(process.argv[3], `${JSON.stringify(made, null, 1)}\n`)
