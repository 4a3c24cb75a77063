// Turns the code after `#` of a one-time link into a session. The code never reaches a server log or another site: what
// stands after `#` is not sent, and it is removed from the address before anything else happens.
"use strict";

const form = document.getElementById("form");
const input = document.getElementById("token");
const message = document.getElementById("message");

async function signIn(token) {
  message.textContent = "";
  const response = await fetch("/api/v1/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (response.ok) {
    window.location.replace("/");
    return;
  }
  const problem = await response.json().catch(() => ({}));
  message.textContent = problem.detail || `The hub answered ${response.status}.`;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(input.value).catch((error) => {
    message.textContent = String(error);
  });
});

const code = decodeURIComponent(window.location.hash.slice(1));
if (code) {
  window.history.replaceState(null, "", window.location.pathname);
  input.value = code;
  signIn(code).catch((error) => {
    message.textContent = String(error);
  });
}
