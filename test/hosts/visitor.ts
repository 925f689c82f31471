/** One browser on a host: it visits the addresses given to it in turn, with its cookies, and prints what each answered. */

import { Browser } from '../support/browser.js'
import { cleanUp } from '../support/cleanup.js'

const browser = new Browser()
const answers: unknown[] = []
for (const url of process.argv.slice(2)) answers.push(JSON.parse((await browser.send('GET', url)).text))
console.log(JSON.stringify(answers))
await cleanUp()
