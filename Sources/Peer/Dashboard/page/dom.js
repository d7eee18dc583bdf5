// Elements without markup in strings: every text of the troop's goes through textContent, whatever it holds.

const SVG = "http://www.w3.org/2000/svg";

/** An element: `props` are attributes, but for `class`, `text` and `on` (listeners). */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** An element of SVG. */
export function s(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.setAttribute("class", value);
    else if (name === "text") node.textContent = value;
    else if (name === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** Sets a text only where it is another: what stays the same costs no layout and no announcement. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets an attribute only where it is another; null removes it. */
export function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, value);
  }
}

/** Makes the children of a node the ones in the list, moving only those that are not in their place. */
export function setChildren(node, children) {
  for (let index = 0; index < children.length; index++) {
    const there = node.childNodes[index];
    if (there !== children[index]) node.insertBefore(children[index], there ?? null);
  }
  while (node.childNodes.length > children.length) node.lastChild.remove();
}

export const byId = (id) => document.getElementById(id);

let announced = "";

/** Tells a screen reader what happened; the same thing is not told twice in a row. */
export function announce(text) {
  if (text === announced) return;
  announced = text;
  byId("announcer").textContent = text;
}

/** A small word in a tone: good, warm, bad, idle or lead. */
export function badge(text, tone, title) {
  return h("span", { class: "badge", "data-tone": tone, text, title });
}
