/**
 * What three Tomcats on one machine are told, so that each replicates its sessions to the others with DeltaManager:
 * who the members are is said here, since multicast is not there everywhere. Beyond that it is Tomcat's defaults, but
 * for what would not be fair to it: no connection is closed after a hundred requests, and no page is looked at again.
 */

/** How it sends to the others. `asynchronous` is its default: an answer does not wait. */
export type Mode = 'asynchronous' | 'acknowledged'

/** Of `Channel.SEND_OPTIONS_…`: 8 by a queue and a thread; 6 (2 + 4) waits until the others have it, and have carried it out. */
const SEND_OPTIONS: Record<Mode, number> = { asynchronous: 8, acknowledged: 6 }

export interface Instance {
  name: string
  httpPort: number
  clusterPort: number
  /** Of 16 bytes: how it is known to the others. */
  uniqueId: string
}

export function serverXml(self: Instance, all: readonly Instance[], mode: Mode): string {
  const others = all.filter((each) => each !== self)
  return `<?xml version="1.0" encoding="UTF-8"?>
<Server port="-1">
  <Service name="Catalina">
    <Connector address="127.0.0.1" port="${self.httpPort}" protocol="HTTP/1.1" maxKeepAliveRequests="-1"/>
    <Engine name="Catalina" defaultHost="localhost">
      <Host name="localhost" appBase="webapps" autoDeploy="false">
        <Cluster className="org.apache.catalina.ha.tcp.SimpleTcpCluster" channelStartOptions="3"
                 channelSendOptions="${SEND_OPTIONS[mode]}">
          <Manager className="org.apache.catalina.ha.session.DeltaManager"/>
          <Channel className="org.apache.catalina.tribes.group.GroupChannel">
            <Receiver className="org.apache.catalina.tribes.transport.nio.NioReceiver" address="127.0.0.1"
                      port="${self.clusterPort}" autoBind="1"/>
            <Sender className="org.apache.catalina.tribes.transport.ReplicationTransmitter">
              <Transport className="org.apache.catalina.tribes.transport.nio.PooledParallelSender"/>
            </Sender>
            <Interceptor className="${INTERCEPTORS}.TcpPingInterceptor" useThread="true" interval="1000"/>
            <Interceptor className="${INTERCEPTORS}.TcpFailureDetector"/>
            <Interceptor className="${INTERCEPTORS}.MessageDispatchInterceptor"/>
            <Interceptor className="${INTERCEPTORS}.StaticMembershipInterceptor">
              ${member('LocalMember', self)}
              ${others.map((other) => member('Member', other)).join('\n              ')}
            </Interceptor>
          </Channel>
          <Valve className="org.apache.catalina.ha.tcp.ReplicationValve"/>
          <ClusterListener className="org.apache.catalina.ha.session.ClusterSessionListener"/>
        </Cluster>
      </Host>
    </Engine>
  </Service>
</Server>
`
}

const INTERCEPTORS = 'org.apache.catalina.tribes.group.interceptors'

function member(element: 'LocalMember' | 'Member', { clusterPort, uniqueId }: Instance): string {
  const where = element === 'Member' ? `host="127.0.0.1" port="${clusterPort}" securePort="-1" ` : ''
  return `<${element} className="org.apache.catalina.tribes.membership.StaticMember" ${where}domain="bench" uniqueId="${uniqueId}"/>`
}

/** For all apps. What is compiled once stays so. */
export const CONF_WEB_XML = webXml(`
  <servlet>
    <servlet-name>jsp</servlet-name>
    <servlet-class>org.apache.jasper.servlet.JspServlet</servlet-class>
    <init-param><param-name>development</param-name><param-value>false</param-value></init-param>
  </servlet>
  <servlet-mapping><servlet-name>jsp</servlet-name><url-pattern>*.jsp</url-pattern></servlet-mapping>`)

/** Of the app: all paths go to its one page. */
export const APP_WEB_XML = webXml(`
  <distributable/>
  <servlet><servlet-name>app</servlet-name><jsp-file>/app.jsp</jsp-file></servlet>
  <servlet-mapping><servlet-name>app</servlet-name><url-pattern>/</url-pattern></servlet-mapping>`)

function webXml(content: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0">${content}
</web-app>
`
}

/** The routes of test/support/member-app.ts that the contenders are asked for, with the same answers. A page, because a runtime alone compiles it. */
export function appJsp({ name }: Instance): string {
  return `<%@ page contentType="application/json; charset=utf-8" trimDirectiveWhitespaces="true" %><%
String path = request.getRequestURI();
if (path.startsWith("/fill/")) {
  session.setAttribute("payload", "x".repeat(Integer.parseInt(path.substring(6))));
} else if (path.equals("/increment")) {
  Integer before = (Integer) session.getAttribute("count");
  session.setAttribute("count", before == null ? 1 : before + 1);
}
StringBuilder data = new StringBuilder();
for (String name : java.util.Collections.list(session.getAttributeNames())) {
  Object value = session.getAttribute(name);
  if (data.length() > 0) data.append(',');
  data.append('"').append(name).append("\\":");
  if (value instanceof String) data.append('"').append(value).append('"');
  else data.append(value);
}
%>{"server":"${name}","sid":"<%= session.getId() %>","data":{<%= data %>}}`
}
