// @ts-check
/**
 * The page of the demo: shows one's own session and the servers, and flips their switches. Two things are
 * asked again and again: the shop, through the proxy (so each time another server answers), and the demo's
 * own state, from the process that runs the proxy.
 */

const SHOP_EVERY_MS = 1_000
const STATE_EVERY_MS = 500
const TAPE_LENGTH = 60
const GOODS = ['Tea', 'Teapot', 'Cup', 'Honey', 'Biscuits', 'Lemon']

/** Which switches make sense in which state of a process. */
const SWITCHES = {
  running: ['kill', 'freeze', 'leave'],
  frozen: ['kill', 'thaw'],
  killed: ['start'],
  left: ['start'],
  crashed: ['start'],
  stopped: ['start'],
  starting: [],
  leaving: [],
}

/** @param {string} id @returns {any} */
const byId = (id) => document.getElementById(id)

/** What the last answers said of us. */
const me = { user: null, answers: 0, view: null }
let servers = []
let isShopClosed = false

// The shop. One request after another, as the answers would otherwise overtake each other on the page.

let queue = Promise.resolve()

function shop(method, path, body) {
  queue = queue.then(() => ask(method, path, body))
  return queue
}

async function ask(method, path, body) {
  try {
    const response = await fetch(path, {
      method,
      headers: body ? { 'content-type': 'application/json' } : {},
      body: body ? JSON.stringify(body) : undefined,
    })
    const view = await response.json()
    if (response.ok) return showAnswer(view, method === 'DELETE' && path === '/api/login')
    if (response.status === 503) return showSilence()
    say(view.error ?? `The shop answered ${response.status}.`)
  } catch {
    say('The demo does not answer. Was it ended?')
  }
}

function showAnswer(view, isLogout) {
  const number = numberOf(view.server)
  const isLost = me.user !== null && view.user === null && !isLogout
  if (isLost) {
    const why = isShopClosed ? ': all servers were gone at once, and their memory was all there was' : ''
    say(`You are no longer logged in${why}.`, true)
  } else if (isShopClosed) {
    say('')
  }
  isShopClosed = false
  if (view.user !== me.user) me.answers = 0
  me.user = view.user
  me.view = view
  me.answers++
  addToTape(number, number, isLost)
  byId('answered').replaceChildren(badge(view.server))
  byId('owner').replaceChildren(view.owner === null ? '-' : badge(view.owner))
  byId('session').textContent = view.session ?? '-'
  showUser()
  showCart(view)
}

function showSilence() {
  isShopClosed = true
  addToTape('', '!', true)
  byId('answered').textContent = 'nobody'
  say('No server answers. Start one.')
}

function showUser() {
  const isKnown = me.user !== null
  byId('user').textContent = isKnown ? me.user : 'Nobody yet'
  byId('face').textContent = isKnown ? [...me.user][0].toUpperCase() : '?'
  byId('face').classList.toggle('known', isKnown)
  byId('proof').textContent = isKnown
    ? `Logged in, in each of ${me.answers} ${me.answers === 1 ? 'answer' : 'answers'} since.`
    : 'Log in to have something to lose.'
  byId('login').hidden = isKnown
  byId('logout').hidden = !isKnown
}

function showCart({ cart, orders }) {
  const lines = cart.map(({ id, name }) => {
    const remove = element('button', '×')
    remove.className = 'remove'
    remove.setAttribute('aria-label', `Remove ${name}`)
    remove.onclick = () => shop('DELETE', `/api/cart/${id}`)
    return element('li', element('span', name), remove)
  })
  const empty = element('li', 'The cart is empty.')
  empty.className = 'empty'
  const shown = JSON.stringify([cart])
  // Drawn anew only when it changed, or a click could hit a button that is just being replaced.
  if (byId('cart').dataset.shown !== shown) {
    byId('cart').dataset.shown = shown
    byId('cart').replaceChildren(...(lines.length > 0 ? lines : [empty]))
  }
  byId('checkout').disabled = cart.length === 0
  byId('checkout').textContent = cart.length === 0 ? 'Order' : `Order ${things(cart.length)}`
  const ordered = orders.reduce((sum, order) => sum + order.items.length, 0)
  byId('orders').textContent =
    orders.length === 0
      ? 'No orders yet.'
      : `${orders.length === 1 ? '1 order' : `${orders.length} orders`} of ${things(ordered)}.`
}

function things(count) {
  return count === 1 ? '1 item' : `${count} items`
}

function addToTape(server, text, isLost) {
  const square = element('li', String(text))
  square.dataset.server = String(server)
  square.classList.toggle('lost', isLost)
  byId('tape').prepend(square)
  while (byId('tape').children.length > TAPE_LENGTH) byId('tape').lastChild.remove()
}

// The servers

async function refresh() {
  try {
    showState(await (await fetch('/demo/state')).json())
  } catch {
    say('The demo does not answer. Was it ended?')
  }
}

function showState(state) {
  servers = state.servers
  if (byId('cards').children.length === 0) byId('cards').append(...servers.map(createCard))
  for (const [index, server] of servers.entries()) updateCard(byId('cards').children[index], server, state)
  byId('kill-owner').hidden = !state.isOver
  byId('wait').hidden = state.isOver
  byId('kill-owner').disabled = !servers.some(
    ({ name, process }) => name === me.view?.owner && process === 'running',
  )
  byId('step').textContent = state.isOver
    ? 'The scenario is over; the servers are yours.'
    : `${capital(state.step)}.`
  byId('totals').replaceChildren(
    total('requests', state.totals.requests),
    total('sessions taken over', state.takeovers.sessions),
    total('moved on by the proxy', state.movedOn),
    total('wrong reads', state.totals.wrongReads, true),
    total('lost logins', state.totals.lostLogins, true),
    total('lost items', state.totals.lostItems, true),
  )
  byId('news').replaceChildren(...state.news.map((line) => element('li', line)))
}

function createCard(server) {
  const card = byId('card').content.firstElementChild.cloneNode(true)
  card.querySelector('.title').replaceWith(badge(server.name))
  card.querySelector('.port').textContent = `:${server.port}`
  for (const button of card.querySelectorAll('button')) {
    button.onclick = () => flip(server.number, button.dataset.action)
  }
  return card
}

function updateCard(card, server, state) {
  const isOn = server.process === 'running' || server.process === 'starting'
  card.classList.toggle('off', !isOn)
  card.querySelector('.pill').textContent = server.process
  card.querySelector('.pill').className = `pill ${server.process}`
  card.querySelector('.verdict').textContent =
    server.verdict === '-' ? 'Nobody is left to judge it.' : `The others say: ${server.verdict}`
  for (const fact of card.querySelectorAll('[data-fact]')) fact.textContent = server[fact.dataset.fact] ?? '-'
  for (const button of card.querySelectorAll('button')) {
    const action = button.dataset.action
    const isSensible = SWITCHES[server.process].includes(action)
    button.hidden = !isSensible || (action === 'freeze' && !state.canFreeze)
    button.disabled = !state.isOver
  }
}

async function flip(number, action) {
  const response = await fetch(`/demo/servers/${number}/${action}`, {
    method: 'POST',
    headers: { 'x-demo': '1' },
  })
  const answer = await response.json()
  if (response.ok) showState(answer)
  else say(answer.error)
}

// Small things

let silence

/** A line above everything; an empty one takes it away. Bad news stay. */
function say(text, isBad = false) {
  const notice = byId('notice')
  clearTimeout(silence)
  notice.textContent = text
  notice.hidden = text === ''
  notice.classList.toggle('bad', isBad)
  if (!isBad) silence = setTimeout(() => say(''), 5_000)
}

function badge(name) {
  const number = numberOf(name)
  const square = element('span', String(number))
  square.className = 'badge'
  square.dataset.server = String(number)
  square.title = name
  return element('span', square, ` ${name}`)
}

function total(name, value, isFault = false) {
  const number = element('dd', String(value))
  if (isFault) number.className = value === 0 ? 'good' : 'bad'
  return element('div', element('dt', name), number)
}

function element(tag, ...children) {
  const made = document.createElement(tag)
  made.append(...children)
  return made
}

function numberOf(name) {
  return Number(name.split('-').at(-1))
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function newId() {
  // Not crypto.randomUUID: a phone reaches this page without https, where that does not exist.
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`
}

byId('login').onsubmit = (event) => {
  event.preventDefault()
  shop('PUT', '/api/login', { user: new FormData(event.target).get('user') })
}
byId('logout').onclick = () => shop('DELETE', '/api/login')
byId('checkout').onclick = () => {
  shop('PUT', `/api/orders/${newId()}`, { items: me.view.cart.map((item) => item.id) })
}
byId('kill-owner').onclick = () => flip(numberOf(me.view.owner), 'kill')
byId('goods').append(
  ...GOODS.map((name) => {
    const button = element('button', `+ ${name}`)
    button.onclick = () => shop('PUT', `/api/cart/${newId()}`, { name })
    return button
  }),
)

setInterval(() => document.hidden || refresh(), STATE_EVERY_MS)
setInterval(() => document.hidden || shop('GET', '/api/me'), SHOP_EVERY_MS)
refresh()
shop('GET', '/api/me')
