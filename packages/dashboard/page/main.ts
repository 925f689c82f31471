/** The page: pictures come in, and each part shows its side of them. */

import { Charts } from './charts.js'
import { Convergence } from './convergence.js'
import { byId } from './dom.js'
import { Drawing } from './drawing.js'
import { Header } from './header.js'
import { Inspector } from './inspector.js'
import { linksOf } from './links.js'
import { Members } from './members.js'
import { Model } from './model.js'
import { listenLive, Server } from './server.js'
import { Themes } from './theme.js'
import { Timeline } from './timeline.js'
import { noticesOf, summaryOf } from './words.js'

const model = new Model()
const server = new Server()
const themes = new Themes(byId('theme'))
const header = new Header()
const drawing = new Drawing(byId('drawing'), themes)
const members = new Members(byId('members'), byId('action-error'), server)
const convergence = new Convergence(byId('standings'))
const charts = new Charts(byId('plots'), themes)
const inspector = new Inspector(server, model)
const timeline = new Timeline((ref) => void inspector.look({ ref }))

listenLive({
  onState(state) {
    header.connection(state)
    // What this mount offers may be another thing after a restart, and why it refuses only this can say.
    if (state !== 'broken') void askAbout()
  },
  onPicture(picture) {
    const fresh = model.merge(picture)
    header.heard()
    header.notify(noticesOf(fresh, model))
    inspector.hear(fresh)
    if (!document.hidden) draw()
  },
})

document.addEventListener('visibilitychange', () => {
  if (!document.hidden && model.places.length > 0) draw()
})

function draw(): void {
  const links = linksOf(model.places)
  header.show(model, summaryOf(model))
  drawing.show(model, links)
  drawing.flow()
  members.show(model)
  convergence.show(model)
  timeline.show(model)
  charts.show(model)
}

async function askAbout(): Promise<void> {
  try {
    inspector.offer(await server.about())
    if (model.places.length > 0) members.show(model)
  } catch (error) {
    header.refused(error instanceof Error ? error.message : String(error))
  }
}
