// A real kernel behind the stand-in for Colab's page: the page speaks to it by a Jupyter server's websocket, its frames
// through the page.

const session = crypto.randomUUID();
const frames = new Map(); // from comm to frame
let socket = null;

function send(channel, msg_type, content) {
  const header = { msg_id: crypto.randomUUID(), msg_type, session, username: "", version: "5.3", date: new Date().toISOString() };
  socket.send(JSON.stringify({ header, parent_header: {}, metadata: {}, content, buffers: [], channel }));
  return header.msg_id;
}

// Opens the websocket; from then on the button shows how it is, and a press on "Reconnect" opens it again.
export function connect(stand, url) {
  stand.url = url;
  stand.printed = "";
  stand.told = [];
  stand.done ??= new Set();
  stand.become("connecting");
  socket = new WebSocket(stand.url);
  const mine = socket;
  socket.onclose = () => mine === socket && stand.become("disconnected");
  socket.onmessage = ({ data }) => mine === socket && hear(stand, JSON.parse(data));
  stand.reconnect = () => connect(stand, stand.url);
  stand.drop = () => mine.close();
  stand.run = (code) => send("shell", "execute_request", { code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false, stop_on_error: false });
  stand.kernel = (content, n) => {
    const [comm_id] = [...frames].find(([, frame]) => frame === n) ?? [];
    if (comm_id && socket.readyState === WebSocket.OPEN) send("shell", "comm_msg", { comm_id, data: { method: "custom", content } });
  };
  return new Promise((open) => {
    socket.onopen = () => open(void stand.become("connected"));
  });
}

function hear(stand, { header, parent_header, content }) {
  const { comm_id, data } = content;
  const kind = header.msg_type;
  if (kind === "comm_open" && data.state?._esm && data.state.settings) {
    frames.set(comm_id, stand.frames.length);
    void stand.frame(data.state._esm, data.state.settings);
  } else if (kind === "comm_msg" && frames.has(comm_id)) {
    if (data.method === "custom") {
      stand.told.push(data.content.n); // the number of the beat that it answers, if it answers any
      stand.to(frames.get(comm_id), "custom", data.content);
    } else if (data.state?.settings) stand.to(frames.get(comm_id), "settings", data.state.settings);
  } else if (kind === "stream") stand.printed += content.text;
  else if (kind === "error") stand.printed += content.traceback.join("\n");
  else if (kind === "status" && content.execution_state === "idle") stand.done.add(parent_header.msg_id);
}
