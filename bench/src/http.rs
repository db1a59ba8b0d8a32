//! A client of the server.

use anyhow::{Context as _, Result, ensure};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// Reads one response with the status 304, which has no body.
pub(crate) async fn read_not_modified(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Result<()> {
    answer.clear();
    while !answer.ends_with(b"\r\n\r\n") {
        ensure!(
            stream.read_buf(answer).await? > 0,
            "the server closed the connection"
        );
    }
    ensure!(answer.starts_with(b"HTTP/1.1 304"), "the page has changed");
    Ok(())
}

/// Reads one response with a Content-Length, and returns where its body begins.
pub(crate) async fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Result<usize> {
    answer.clear();
    let body = loop {
        ensure!(
            stream.read_buf(answer).await? > 0,
            "the server closed the connection"
        );
        if let Some(end) = answer.windows(4).position(|text| text == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = std::str::from_utf8(&answer[..body])?.to_ascii_lowercase();
    ensure!(head.starts_with("http/1.1 200"), "{head}");
    let (_, length) = head
        .split_once("content-length:")
        .context("an answer without a length")?;
    let length: usize = length.lines().next().unwrap_or_default().trim().parse()?;
    while answer.len() < body + length {
        ensure!(
            stream.read_buf(answer).await? > 0,
            "the server closed the connection"
        );
    }
    Ok(body)
}
